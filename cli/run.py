"""`bin/jobs run`: a task in this process, where a debugger reaches it."""

from __future__ import annotations

import json
import pdb  # noqa: T100 - what --pdb is for
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

import tasks  # noqa: F401 - the tasks that can be run
from cli import complete, words
from cli.commands import Command, as_json
from cli.output import emit, note
from cli.places import Folder
from cli.values import arguments
from cli.waiting import FAILED
from jobs import dispatch, files, logs, registry, running
from jobs.context import JobContext
from jobs.dispatch import JobRequest
from jobs.errors import SettingsError
from jobs.inline import inline_mode
from jobs.records import Job
from jobs.settings import Settings, current_settings, use_settings


@dataclass(slots=True)
class LiveNotes:
    """Tells on stderr what the task says, as it says it."""

    artifacts: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, value: str) -> None:
        """Progress and checkpoints."""
        said = json.loads(value)
        if name == "progress":
            total = f" of {said['total']:g}" if said["total"] else ""
            note(f"  progress: {said['done']:g}{total} {said['note']}".rstrip())
        else:
            note(f"  {name}: {value}")

    def log(self, line: str) -> None:
        """A line of the job's log."""
        note(f"  log: {json.loads(line)['message']}")

    def artifact(self, name: str) -> str | None:
        """The file id under which an artifact was begun."""
        return self.artifacts.get(name)

    def add_artifact(self, name: str, file_id: str) -> None:
        """Keep it until the end of the run."""
        self.artifacts[name] = file_id


@click.command(
    cls=Command,
    examples=[
        "run reports.summary data=@samples/flights.csv group_by=airline totals=distance --save /tmp",
        "run images.thumbnail photo=@samples/flights.csv --pdb",
    ],
)
@click.argument("task", shell_complete=complete.task_names)
@click.argument("pairs", metavar="[NAME=VALUE]...", nargs=-1, shell_complete=complete.argument_names)
@click.option("--args", "whole", metavar="JSON", help="All arguments as an object; @FILE or - reads it from there.")
@click.option("--pdb", "debug", is_flag=True, help="Open the debugger where the task raised.")
@click.option("--save", type=Folder(), help="Keep artifacts there.")
def run(task: str, pairs: Sequence[str], whole: str | None, debug: bool, save: Path | None) -> None:
    """Run a task here and now, without server and worker, and print its result; exit code 3 if it failed.

    Nothing is retried, files live in memory, and what the task enqueues runs at once, here. `breakpoint()` works.
    """
    settings = _settings()
    notes = LiveNotes()
    with inline_mode(), _own_stdout_for_the_result():
        logs.configure_logging(settings, "run")
        found = registry.find(task)
        request = JobRequest(task=found.name, args=arguments(found, pairs, whole))
        result = _run(dispatch.prepare(request, settings, words.now()), notes, debug=debug)
        saved = _save(notes.artifacts, save)
    emit({"result": result, "artifacts": saved} if as_json() else result)


def _settings() -> Settings:
    """Those of the environment; where it has none for production, those of development are enough for a run."""
    try:
        return current_settings()
    except SettingsError:
        try:
            use_settings(Settings(NIGHTSHIFT_ENV="development"))
        except ValueError:
            return current_settings()  # which tells what is wrong
        return current_settings()


@contextmanager
def _own_stdout_for_the_result() -> Iterator[None]:
    """In a pipe, what the task prints goes to stderr; a terminal is left alone for the sake of the debugger."""
    if sys.stdout.isatty():
        yield
    else:
        with redirect_stdout(sys.stderr):
            yield


def _run(job: Job, notes: LiveNotes, *, debug: bool) -> Any:
    started = replace(job, status="started", started_at=words.now(), attempt=1)
    try:
        return json.loads(running.run(registry.find(job.task), job.args, JobContext(started, notes)))
    except Exception as error:
        trace = error.__traceback__.tb_next if error.__traceback__ else None  # without this frame
        note(running.describe(error.with_traceback(trace)).traceback.rstrip())
        if debug:
            pdb.post_mortem(trace)
        raise SystemExit(FAILED) from None


def _save(artifacts: dict[str, str], folder: Path | None) -> dict[str, str]:
    """The artifacts by name, and where they are now; empty without a folder, because memory ends with us."""
    if folder is None:
        return dict.fromkeys(artifacts, "")
    folder.mkdir(parents=True, exist_ok=True)
    places = {name: folder / Path(name).name for name in artifacts}
    for name, place in places.items():
        with files.get(artifacts[name]).open() as source, place.open("wb") as target:
            shutil.copyfileobj(source, target)
        note(f"  saved: {place}")
    return {name: str(place) for name, place in places.items()}
