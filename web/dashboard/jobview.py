"""One job with everything that is known of it, and the files that belong to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from flask import Blueprint, Response

from jobs import files, monitor
from jobs.errors import FileMissing, JobConflict, JobMissing
from jobs.files import File
from jobs.monitor import Attempt
from jobs.records import Job
from jobs.redaction import redacted
from web.visible import visible_job

from .rendering import page
from .verbs import VERBS

_MOVING = {"queued", "started", "scheduled", "deferred"}
_PICTURES = {"image/png", "image/jpeg", "image/webp"}
_PICTURE_LIMIT = 4_000_000
_MOST_FILES = 20
_MOST_LINES = 200
_OUTCOMES = {
    "finished": "good",
    "failed": "bad",
    "discarded": "bad",
    "crashed": "bad",
    "retrying": "warn",
    "interrupted": "warn",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of a job's life: what happened, when, a remark, and its colour; `ahead` has not happened yet."""

    what: str
    at: datetime
    note: str = ""
    tone: str = "calm"
    ahead: bool = False


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/jobs/<job_id>")(job)
    pages.get("/files/<file_id>")(download)


def job(job_id: str) -> Response:
    """One job."""
    found, attempts, made = visible_job(job_id), monitor.attempts(job_id), monitor.artifacts(job_id)
    result = _result(found)
    return page(
        "job.html",
        section="dashboard.jobs",
        active=found.status in _MOVING,
        job=found,
        attempts=attempts[::-1],
        moments=list(_life(found, attempts, datetime.now(UTC))),
        result=result,
        has_result=found.status == "finished",
        lines=[_line(line) for line in monitor.log_lines(job_id, _MOST_LINES)],
        given=_named(_stored(dict(files.named_in(found.args)).values())),
        made={**made, **_named(_stored(dict(files.named_in(result)).values()), without=made.values())},
        is_picture=_is_picture,
        outcomes=_OUTCOMES,
        verbs={name: verb for name, verb in VERBS.items() if found.status in verb.fits},
    )


def download(file_id: str) -> Response:
    """A stored file, as an attachment: nothing that somebody uploaded is ever shown as a page of ours."""
    stored = files.get(file_id)
    response = Response(stored.pieces(), content_type="application/octet-stream")
    if stored.content_type in _PICTURES:
        response.content_type = stored.content_type
    response.content_length = stored.size
    response.headers.set("Content-Disposition", "attachment", filename=stored.name)
    response.headers["Cache-Control"] = "private, max-age=300"
    return response


def _result(found: Job) -> Any:
    try:
        return monitor.get_result(found.id) if found.status == "finished" else None
    except (JobConflict, JobMissing):
        return None


def _life(found: Job, attempts: list[Attempt], now: datetime) -> Iterator[Moment]:
    by = f"by schedule {found.schedule}" if found.schedule else ""
    yield Moment("Created", found.created_at, by)
    for attempt in attempts:
        if attempt.ended_at is not None:
            note = f"on {attempt.worker}" if attempt.worker else ""
            yield Moment(f"Attempt {attempt.number} {attempt.outcome}", attempt.ended_at, note, _tone(attempt))
    if found.status == "started" and found.started_at:
        yield Moment(f"Attempt {found.attempt} runs", found.started_at, f"on {found.worker or 'a worker'}", "run")
    if found.status == "scheduled" and found.run_at:
        what = "Next attempt" if found.attempt else "Due"
        yield Moment(what, found.run_at, tone="calm", ahead=found.run_at > now)
    if found.status == "canceled" and found.ended_at:
        yield Moment("Canceled", found.ended_at)


def _tone(attempt: Attempt) -> str:
    return _OUTCOMES.get(attempt.outcome, "calm")


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in line.items() if name not in {"at", "attempt", "message"}}
    shown = " ".join(f"{name}={json.dumps(value, default=str)}" for name, value in redacted(rest).items())
    return {"at": datetime.fromtimestamp(line["at"], UTC), "message": line["message"], "fields": shown}


def _stored(file_ids: Iterable[str]) -> Iterator[File]:
    for file_id in islice(file_ids, _MOST_FILES):
        try:
            yield files.get(file_id)
        except FileMissing:
            continue


def _named(stored: Iterable[File], without: Iterable[File] = ()) -> dict[str, File]:
    known = set(without)
    return {file.name: file for file in stored if file not in known}


def _is_picture(file: File) -> bool:
    return file.content_type in _PICTURES and file.size <= _PICTURE_LIMIT
