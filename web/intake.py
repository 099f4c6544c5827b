"""From a request body to an accepted job."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import request

from jobs import dispatch
from jobs.dispatch import JobRequest
from jobs.errors import FileMissing, UnknownTask
from jobs.records import Job
from jobs.uniqueness import Unique

from .access import caller
from .problems import Refused
from .schemas.asking import NewJob
from .schemas.base import TEN_YEARS
from .schemas.problems import Fault

_KEY = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job that answers a request; `replayed` says that it was there already."""

    job: Job
    replayed: bool


def accept(body: NewJob) -> Accepted:
    """Enqueue what a client asks for; raises Refused, or what the core raises."""
    wanted = _request(body)
    job = submit(wanted)
    return Accepted(job, replayed=job.id != wanted.job_id)


def _request(body: NewJob) -> JobRequest:
    """What the core takes; its own checks of these fields cannot fail, because the schema has made them."""
    key = _idempotency_key()
    return JobRequest(
        **body.model_dump(include={"task", "args", "queue", "timeout", "retries", "tags"}),
        job_id=secrets.token_hex(16),
        run_at=_run_at(body),
        unique=Unique(**body.unique.model_dump()) if body.unique else None,
        idempotency_key=key,
        fingerprint=_fingerprint(body) if key else "",
    )


def _run_at(body: NewJob) -> datetime | None:
    now = datetime.now(UTC)
    if body.delay is not None and body.run_at is not None:
        raise _fault("#/delay", "give either delay or run_at")
    if body.run_at is not None and body.run_at - now > timedelta(seconds=TEN_YEARS):
        raise _fault("#/run_at", "is more than ten years away")
    if body.delay is not None:
        return now + timedelta(seconds=body.delay)
    return body.run_at.astimezone(UTC) if body.run_at else None


def submit(wanted: JobRequest) -> Job:
    """Enqueue; what is wrong is in the body here, so it is 422 and never 404."""
    if not caller().may_use(wanted.task):
        raise Refused(403, "forbidden", f"this token may not use the task {wanted.task!r}")
    try:
        return dispatch.submit(wanted)
    except UnknownTask as error:
        raise _fault("#/task", f"no task is named {error.name!r}") from None
    except FileMissing as error:
        raise _fault("#/args", str(error)) from None


def _fault(pointer: str, detail: str) -> Refused:
    fault = Fault(pointer=pointer, detail=detail)
    return Refused(422, "invalid-request", "the request cannot be accepted", faults=[fault])


def _idempotency_key() -> str | None:
    """The key that was sent, kept apart from the keys of other callers."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not _KEY.fullmatch(given):
        fault = Fault(parameter="Idempotency-Key", detail="must be 1 to 128 visible ASCII characters")
        raise Refused(400, "invalid-request", "the Idempotency-Key cannot be used", faults=[fault])
    return f"{caller().key}:{given}"


def _fingerprint(body: NewJob) -> str:
    """The same for the same request, however its JSON was spaced or ordered at the top."""
    return hashlib.blake2b(body.model_dump_json(exclude_unset=True).encode(), digest_size=16).hexdigest()
