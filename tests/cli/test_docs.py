"""The manual names commands, options, fields, pages and headings that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from redis import Redis

from cli.__main__ import main
from tests.cli.conftest import ROOT, asked, said

TEXT = Path(ROOT, "docs", "cli.md").read_text()
PAGES = {page: page.read_text() for page in [*Path(ROOT, "docs").glob("*.md"), ROOT / "README.md"]}
CALLS = re.findall(r"(?:bin/jobs|python -m cli) ([a-z][^\n`|\\>]*)", "\n".join(PAGES.values()))
FENCES = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("call", sorted(set(CALLS)))
def test_every_call_in_the_docs_is_understood(call: str) -> None:
    """As far as click goes: the command, its options and how many words it takes."""
    command: click.Command = main
    words = [word for word in shlex.split(call.split("&&")[0], comments=True) if not word.startswith("$")]
    context = click.Context(main, info_name="bin/jobs")
    while words and isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found, call
        command = found
        context = click.Context(command, parent=context, info_name=command.name)
    command.make_parser(context).parse_args(args=words)


def test_the_fields_in_the_docs_are_those_that_are_printed(redis: Redis) -> None:
    shapes = dict(re.findall(r"^\| `(.+?)`.*? \| .*?\{(.+?)\}`", TEXT, re.MULTILINE))
    assert "name, waiting, started, scheduled, failed, finished, oldest_wait, workers, paused" in shapes["queues ls"]
    assert _fields(asked("queues", "ls")["queues"][0]) == _named(shapes["queues ls"])
    made = said("enqueue", "sample.add", "a=1", "b=2").strip()
    job = re.findall(r"a job: `(.+?)`, and `(.+?)`", TEXT)[0]
    assert _fields(asked("jobs", "show", made)) == set(" ".join(job).split())
    assert _fields(asked("status", code=1)) == _named(shapes["status"])
    said("queues", "pause", "low")
    assert _fields(asked("audit")["entries"][0]) == _named(shapes["audit"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", FENCES.sub("", PAGES[page]))
    broken = [f"{path}#{anchor}" for path, anchor in links if not _leads_somewhere(page, path, anchor)]
    assert broken == []


def test_the_manual_lists_every_page() -> None:
    listed = set(re.findall(r"\]\((\w[\w-]*\.md)\)", PAGES[ROOT / "docs" / "README.md"]))
    assert listed | {"README.md"} == {page.name for page in PAGES}


def _leads_somewhere(page: Path, path: str, anchor: str) -> bool:
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", FENCES.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _fields(document: dict[str, object]) -> set[str]:
    return set(document)


def _named(shape: str) -> set[str]:
    return set(re.findall(r"\w+", shape.rpartition("{")[2].partition("}")[0]))
