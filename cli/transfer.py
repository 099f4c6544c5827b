"""`bin/jobs export` and `import`: dead letters and run-time schedules as JSON lines, from one server to another."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

import click

import tasks  # noqa: F401 - what is taken in is checked against its task
from cli import words
from cli.actor import actor
from cli.commands import Command
from cli.output import emitted, note, plain, say
from cli.places import File
from cli.shapes import job_shape
from jobs import audit, dispatch, monitor, schedules
from jobs.bulk import Choice, chosen
from jobs.dispatch import JobRequest
from jobs.errors import NightshiftError, RedisUnavailable, ScheduleMissing
from jobs.schedules.definitions import Definition, define
from jobs.settings import current_settings

VERSION = 1
_AT_ONCE = 200
_COUNTED = ("enqueued", "created", "replaced", "present", "refused", "checked")

Line = dict[str, Any]


@click.command(
    cls=Command, examples=["export > letters-and-schedules.jsonl", "export dead-letters --task mail.send -o mail.jsonl"]
)
@click.argument("what", type=click.Choice(["all", "dead-letters", "schedules"]), default="all")
@click.option("--task", help="Only the dead letters of this task.")
@click.option("-o", "--output", "target", type=File("w", atomic=True), default="-", help="Where to; stdout by default.")
def export(what: str, task: str | None, target: TextIO) -> None:
    """Write dead letters and the schedules that people made at run time, one JSON object per line.

    Files are named by their ids and stay where they are. --json changes nothing: it is JSON already.
    """
    for line in _exported(what, task):
        target.write(json.dumps(plain(line), ensure_ascii=False) + "\n")


@click.command(
    "import", cls=Command, examples=["import letters-and-schedules.jsonl", "export | ssh other bin/jobs import -"]
)
@click.argument("source", type=File())
@click.option("--replace", is_flag=True, help="Change schedules that are there already and differ.")
@click.option("--dry-run", is_flag=True, help="Only check the lines.")
def import_(source: TextIO, replace: bool, dry_run: bool) -> None:
    """Take what `export` wrote: dead letters are enqueued under their ids with all attempts, schedules are made.

    What is there already is left alone, so taking it twice changes nothing. Exit code 1 when a line was refused.
    """
    counts = Counter(_take_each(source, _Taking(replace=replace, dry_run=dry_run)))
    if counts["enqueued"] or counts["created"] or counts["replaced"]:
        audit.note(actor(), "import", getattr(source, "name", "-"), **counts)
    if not emitted({name: counts[name] for name in _COUNTED}):
        told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        say(f"{told}." if told else "There was nothing in it.")
    if counts["refused"]:
        raise SystemExit(1)


def _exported(what: str, task: str | None) -> Iterator[Line]:
    if what != "schedules":
        yield from _dead_letters(list(chosen(Choice(status="failed", task=task))))
    if what != "dead-letters":
        yield from _schedules()


def _dead_letters(ids: list[str]) -> Iterator[Line]:
    for start in range(0, len(ids), _AT_ONCE):
        for job in monitor.find_jobs(ids[start : start + _AT_ONCE]):
            if job is not None and job.status == "failed":
                whole = job_shape(job) | {"args": job.args, "timeout": job.timeout}  # with its secrets, to be run again
                yield {"v": VERSION, "kind": "dead-letter", "job": whole}


def _schedules() -> Iterator[Line]:
    for view in schedules.list_schedules():
        if view.source == "runtime" and view.definition is not None:
            definition = view.definition.model_dump(mode="json", exclude_defaults=True)
            state = {"paused": view.paused, "note": view.note}
            yield {"v": VERSION, "kind": "schedule", "definition": definition, **state}


class _Taking:
    """Takes single lines; each gives the word that counts it."""

    def __init__(self, *, replace: bool, dry_run: bool) -> None:
        self._replace, self._dry_run = replace, dry_run
        self._kinds: dict[str, Callable[[Line], str]] = {"dead-letter": self._dead_letter, "schedule": self._schedule}

    def line(self, line: Line) -> str:
        """Raises NightshiftError, and KeyError, TypeError or ValueError for what `export` would not write."""
        if line["v"] != VERSION:
            raise ValueError(f"version {line['v']!r} is not known here; known is {VERSION}")
        return self._kinds[line["kind"]](line)

    def _dead_letter(self, line: Line) -> str:
        job = line["job"]
        kept = {name: job[name] for name in ("task", "args", "queue", "timeout", "schedule", "tick")}
        request = JobRequest(
            **kept,
            job_id=job["id"],
            priority=job.get("priority"),
            retries=max(0, job["max_attempts"] - 1),
            tags=(*job["tags"], "imported"),
        )
        if monitor.find_job(job["id"]) is not None:
            return "present"
        if self._dry_run:
            return self._checked(lambda: dispatch.prepare(request, current_settings(), words.now()))
        dispatch.submit(request)
        return "enqueued"

    def _schedule(self, line: Line) -> str:
        definition = dict(line["definition"])
        present = _definition_of(definition["id"])
        if present is not None and (not self._replace or present == definition):
            return "present"
        if self._dry_run:
            return self._checked(lambda: define(**definition))
        if present is None:
            schedules.create(definition, actor=actor())
        else:
            whole = Definition(**definition).model_dump()  # with its defaults, which replace what was there
            schedules.edit(definition["id"], whole, actor=actor())
        if line["paused"]:
            schedules.pause(definition["id"], note=line["note"], actor=actor())
        return "created" if present is None else "replaced"

    def _checked(self, check: Callable[[], object]) -> str:
        check()
        return "checked"


def _take_each(lines: Iterable[str], taking: _Taking) -> Iterator[str]:
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            yield taking.line(json.loads(text))
        except RedisUnavailable:
            raise
        except (NightshiftError, KeyError, TypeError, ValueError) as error:
            note(f"line {number}: {_reason(error)}")
            yield "refused"


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, NightshiftError | ValueError) else f"not what export writes ({error!r})"


def _definition_of(schedule_id: str) -> dict[str, Any] | None:
    try:
        found = schedules.get_schedule(schedule_id).definition
    except ScheduleMissing:
        return None
    return found.model_dump(mode="json", exclude_defaults=True) if found else {}
