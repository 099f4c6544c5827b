"""`bin/jobs new-task`: a task to begin with, its test, and its place in the table of contents."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from pathlib import Path

import click

from cli import sources
from cli.commands import Command
from cli.output import emitted, say

ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"(?P<module>[a-z][a-z0-9_]*)\.(?P<function>[a-z][a-z0-9_]*)")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RESERVED = {"schedules", "tasks", "jobs", "task", "current_job"}
_CODE_NEEDS = [("jobs", "current_job"), ("jobs", "task")]
_TEST_NEEDS = [("", "pytest"), ("jobs", "enqueue"), ("jobs.errors", "InvalidArguments"), ("jobs.inline", "Inline")]

_MODULE = '''"""{title}: say here what these tasks have in common."""

from jobs import current_job, task
'''

_TASK = '''

@task({options}timeout=60)
def {function}(name: str, count: int = 1) -> dict[str, int]:
    """Say in one sentence what is done: dashboard and API show it."""
    job = current_job()
    for number in range(count):
        job.progress(number + 1, count, f"{{name}} {{number + 1}}")
    return {{"done": count}}
'''

_TEST_MODULE = '''"""What the tasks in tasks/{module}.py do, without a server: `inline` runs a job at once."""

import pytest

from jobs import enqueue
from jobs.errors import InvalidArguments
from jobs.inline import Inline
from tasks import {module}
'''

_TEST = """

def test_{function}_tells_what_it_has_done(inline: Inline) -> None:
    job = enqueue({module}.{function}, "first", count=3)
    assert job.result == {{"done": 3}}


def test_{function}_refuses_what_is_not_a_number(inline: Inline) -> None:
    with pytest.raises(InvalidArguments, match="/count"):
        enqueue({module}.{function}, "first", count="many")  # type: ignore[arg-type]  # that is the point
"""


@click.command("new-task", cls=Command, examples=["new-task billing.invoice", "new-task search.rebuild --queue low"])
@click.argument("name", metavar="MODULE.FUNCTION")
@click.option("--queue", help="The queue of its jobs; default when left out.")
def new_task(name: str, queue: str | None) -> None:
    """Write a task into tasks/MODULE.py, its test into tests/tasks, and import the module in tasks/__init__.py.

    Files that are there are added to, never overwritten.
    """
    written = write_task(ROOT, name, queue)
    if emitted({"task": name, "files": [str(path.relative_to(ROOT)) for path in written]}):
        return
    for path in written:
        say(f"wrote {path.relative_to(ROOT)}")
    say(f"Try it: bin/jobs run {name} name=first count=3; bin/test {written[1].relative_to(ROOT)}")


def write_task(root: Path, name: str, queue: str | None) -> list[Path]:
    """Write the three files under a root; gives module, test and table of contents. Raises UsageError."""
    module, function = _parts(name)
    code, test = root / "tasks" / f"{module}.py", root / "tests" / "tasks" / f"test_{module}.py"
    _check(code, function, queue)
    words = {"module": module, "function": function, "title": module.replace("_", " ").capitalize()}
    options = f'queue="{queue}", ' if queue else ""
    _add(code, _MODULE.format(**words), _TASK.format(**words, options=options), _CODE_NEEDS)
    _add(test, _TEST_MODULE.format(**words), _TEST.format(**words), [*_TEST_NEEDS, ("tasks", module)])
    contents = root / "tasks" / "__init__.py"
    listed = sources.with_import(contents.read_text(), module, level=1)
    contents.write_text(sources.with_all(listed, module))
    return [code, test, contents]


def _parts(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    if not found:
        raise click.UsageError(f"{name!r} is not MODULE.FUNCTION in lower case, such as billing.invoice")
    for word in found.groups():
        if keyword.iskeyword(word) or word in _RESERVED:
            raise click.UsageError(f"{word!r} cannot be used as a name here")
    return found["module"], found["function"]


def _check(code: Path, function: str, queue: str | None) -> None:
    if queue is not None and not _QUEUE.fullmatch(queue):
        raise click.UsageError(f"queue {queue!r} must be letters, digits, '_', '.', '-'")
    if code.exists() and function in sources.defined(code.read_text()):
        raise click.UsageError(f"tasks/{code.name} has a {function!r} already")


def _add(file: Path, head: str, body: str, needs: Sequence[tuple[str, str]]) -> None:
    """Begin a file, or add to its end and, where they are missing, to its imports."""
    if not file.exists():
        file.write_text(head + body)
        return
    text = file.read_text()
    for origin, name in needs:
        text = sources.with_import(text, name, origin) if origin else sources.with_plain_import(text, name)
    file.write_text(f"{text.rstrip()}\n{body}")
