"""From a request body to an accepted job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import request

from jobs import dispatch
from jobs.dispatch import JobRequest
from jobs.errors import FileMissing, UnknownTask
from jobs.records import Job

from .access import caller
from .problems import Refused
from .schemas import TEN_YEARS, Fault, NewJob


def accept(body: NewJob) -> Job:
    """Enqueue what a client asks for; raises Refused, or what the core raises."""
    return _submit(_request(body))


def _request(body: NewJob) -> JobRequest:
    """What the core takes; its own checks of these fields cannot fail, because the schema has made them."""
    chosen = body.model_dump(include={"task", "args", "queue", "timeout", "retries", "tags"})
    return JobRequest(**chosen, run_at=_run_at(body), idempotency_key=_idempotency_key())


def _run_at(body: NewJob) -> datetime | None:
    now = datetime.now(UTC)
    if body.delay is not None and body.run_at is not None:
        raise _fault("#/delay", "give either delay or run_at")
    if body.run_at is not None and body.run_at - now > timedelta(seconds=TEN_YEARS):
        raise _fault("#/run_at", "is more than ten years away")
    if body.delay is not None:
        return now + timedelta(seconds=body.delay)
    return body.run_at.astimezone(UTC) if body.run_at else None


def _submit(wanted: JobRequest) -> Job:
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
    return request.headers.get("Idempotency-Key")
