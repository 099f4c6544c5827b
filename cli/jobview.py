"""Jobs as people see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from cli import words
from cli.output import Cell, clean, facts, state, table
from jobs import redaction
from jobs.files import File
from jobs.monitor import Attempt
from jobs.records import Job, JobError


def listed(jobs: Sequence[Job], now: datetime) -> Table:
    """A line for each."""
    columns = ["id", "task", "queue?", "status", "created?", "took>?", "note~"]
    return table(columns, [_row(job, now) for job in jobs])


def described(job: Job) -> Table:
    """All that its record says."""
    values: dict[str, Cell] = {"job": job.id, "task": job.task, "status": state(job.status), "queue": job.queue}
    args = json.dumps(redaction.arguments(job.task, job.args), ensure_ascii=False)
    return facts(values | {"arguments": args} | _times(job) | _more(job))


def tried(attempts: Sequence[Attempt]) -> Table:
    """Its attempts."""
    return table(["number>", "outcome", "started?", "took>?", "worker?", "error~"], [_attempt(one) for one in attempts])


def made(artifacts: dict[str, File]) -> Table:
    """Its artifacts."""
    rows: list[list[Cell]] = [[name, file.content_type, words.size(file.size)] for name, file in artifacts.items()]
    return table(["artifact", "type", "size>"], rows)


def progress(job: Job) -> str:
    """How far it says it is."""
    if job.progress is None:
        return ""
    share = f"{100 * job.progress.done / job.progress.total:.0f}% " if job.progress.total else f"{job.progress.done:g} "
    return f"{share}{job.progress.note}".rstrip()


def _row(job: Job, now: datetime) -> list[Cell]:
    started = job.started_at if job.status not in {"queued", "scheduled"} else None
    took = words.span(((job.ended_at or now) - started).total_seconds()) if started else ""
    return [job.id, job.task, job.queue, state(job.status), words.ago(job.created_at, now), took, _note(job, now)]


def _note(job: Job, now: datetime) -> str:
    if job.status == "scheduled" and job.run_at:
        return f"due {words.ago(job.run_at, now)}"
    if job.status == "started":
        return progress(job)
    return _error(job.error) if job.status != "finished" else ""


def _times(job: Job) -> dict[str, Cell]:
    names = {"created": "created_at", "due": "run_at", "started": "started_at", "ended": "ended_at"}
    return {word: words.at(getattr(job, name)) for word, name in names.items()}


def _more(job: Job) -> dict[str, Cell]:
    return {
        "attempt": f"{job.attempt} of {job.max_attempts}",
        "progress": progress(job),
        "error": Text(clean(f"{job.error.type}: {job.error.message}"), "red") if job.error else None,
        "tags": ", ".join(job.tags),
        "schedule": f"{job.schedule}, tick {job.tick}" if job.schedule else None,
        "worker": job.worker,
    }


def _attempt(one: Attempt) -> list[Cell]:
    times = [words.at(one.started_at), words.span(one.duration)]
    return [one.number, state(one.outcome), *times, one.worker, _error(one.error)]


def _error(error: JobError | None) -> str:
    return f"{error.type}: {error.message}".splitlines()[0] if error else ""
