"""From a request body to an accepted job."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from jobs import dispatch, registry
from jobs.dispatch import JobRequest
from jobs.errors import FileMissing, InvalidArguments, UnknownTask
from jobs.records import Job
from jobs.registry import INTERNAL
from jobs.uniqueness import Unique

from .access import caller
from .calls import call
from .problems import Refused
from .schemas.asking import NewBatch, NewJob
from .schemas.base import TEN_YEARS
from .schemas.problems import Fault
from .tracing import traceparent

_KEY = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job that answers a request; `replayed` says that it was there already."""

    job: Job
    replayed: bool


def accept(body: NewJob) -> Accepted:
    """Enqueue what a client asks for; raises Refused, or what the core raises."""
    wanted = _request(body, fingerprint(body))
    job = submit(wanted)
    return Accepted(job, replayed=job.id != wanted.job_id)


def accept_all(body: NewBatch) -> list[Accepted]:
    """Enqueue all of a batch or nothing; raises Refused with every fault of every job."""
    faults = [fault for number, one in enumerate(body.jobs) for fault in _faults(one, f"/jobs/{number}")]
    if faults:
        raise Refused(422, "invalid-request", "no job of the batch was accepted", faults=faults)
    asked = fingerprint(body)
    wanted = [_request(one, asked, number) for number, one in enumerate(body.jobs)]
    try:
        jobs = dispatch.submit_many(wanted, at_once=len(wanted))
    except FileMissing as error:
        raise _refusal("#/jobs", str(error)) from None
    return [Accepted(job, replayed=job.id != one.job_id) for job, one in zip(jobs, wanted, strict=True)]


def replayed(accepted: Accepted) -> dict[str, str]:
    """The header that tells a client that its request was sent before."""
    return {"Idempotency-Replayed": "true"} if accepted.replayed else {}


def submit(wanted: JobRequest) -> Job:
    """Enqueue; what is wrong is in the body here, so it is 422 and never 404."""
    try:
        _require_allowed(wanted.task)
        return dispatch.submit(wanted)
    except UnknownTask as error:
        raise _refusal("#/task", f"no task is named {error.name!r}") from None
    except FileMissing as error:
        raise _refusal("#/args" + error.pointer, str(error)) from None


def _require_allowed(task: str) -> None:
    if task.startswith(INTERNAL):
        raise UnknownTask(task)
    if not caller().may_use(task):
        raise Refused(403, "forbidden", f"this token may not use the task {task!r}")


def _request(body: NewJob, asked: str, number: int | None = None) -> JobRequest:
    """What the core takes; its own checks of these fields cannot fail, because the schema has made them."""
    return JobRequest(
        task=body.task,
        args=body.args,
        queue=body.queue,
        timeout=body.timeout,
        retries=body.retries,
        priority=body.priority,
        tags=body.tags,
        job_id=secrets.token_hex(16),
        run_at=_run_at(body),
        unique=Unique(**body.unique.model_dump()) if body.unique else None,
        idempotency_key=idempotency_key(number),
        traceparent=traceparent(),
        fingerprint=asked,
    )


def _run_at(body: NewJob) -> datetime | None:
    now = datetime.now(UTC)
    if body.delay is not None and body.run_at is not None:
        raise _refusal("#/delay", "give either delay or run_at")
    if body.run_at is not None and body.run_at - now > timedelta(seconds=TEN_YEARS):
        raise _refusal("#/run_at", "is more than ten years away")
    if body.delay is not None:
        return now + timedelta(seconds=body.delay)
    return body.run_at.astimezone(UTC) if body.run_at else None


def _faults(body: NewJob, where: str) -> Iterator[Fault]:
    """What is wrong with one job of a batch, with pointers into the batch."""
    try:
        _require_allowed(body.task)
        _run_at(body)
        registry.find(body.task).validate(body.args)
    except Refused as refused:
        if not refused.faults:
            raise
        yield from (
            Fault(pointer=f"#{where}{(fault.pointer or '#')[1:]}", detail=fault.detail) for fault in refused.faults
        )
    except UnknownTask as error:
        yield Fault(pointer=f"#{where}/task", detail=f"no task is named {error.name!r}")
    except InvalidArguments as error:
        yield from (Fault(pointer=f"#{where}/args{found.pointer}", detail=found.message) for found in error.problems)


def _refusal(pointer: str, detail: str) -> Refused:
    fault = Fault(pointer=pointer, detail=detail)
    return Refused(422, "invalid-request", "the request cannot be accepted", faults=[fault])


def idempotency_key(number: int | None = None) -> str | None:
    """The key that was sent, kept apart from the keys of other callers; each job of a batch has its own."""
    given = call().environ.get("HTTP_IDEMPOTENCY_KEY")
    if given is None:
        return None
    if not _KEY.fullmatch(given):
        fault = Fault(parameter="Idempotency-Key", detail="must be 1 to 128 visible ASCII characters")
        raise Refused(400, "invalid-request", "the Idempotency-Key cannot be used", faults=[fault])
    return f"{caller().key}:{given}" if number is None else f"{caller().key}:{given}#{number}"


def fingerprint(body: BaseModel, about: str = "") -> str:
    """The same for the same request, however its JSON was spaced or ordered at the top; only a key makes it matter."""
    if "HTTP_IDEMPOTENCY_KEY" not in call().environ:
        return ""
    return hashlib.blake2b((about + body.model_dump_json(exclude_unset=True)).encode(), digest_size=16).hexdigest()
