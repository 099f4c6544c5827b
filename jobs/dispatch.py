"""Enqueue: a checked request becomes a record in one round trip."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec

from pydantic_core import from_json

from . import connection, descriptions, files, inline, keys, pressure, registry, tracing
from .context import inherited_traceparent
from .errors import ArgumentsTooLarge, IdempotencyKeyReused, InvalidArguments, Problem, QueueFull
from .finding import find_job
from .priorities import PRIORITIES, Priority
from .records import Job
from .registry import Task
from .scripts import Packed, Value, script
from .settings import Settings, current_settings
from .tracing import Making
from .uniqueness import Unique

P = ParamSpec("P")

_BATCH = 300
_KEYS = (keys.QUEUES, keys.JOBS, keys.FULL)
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_STEP = timedelta(microseconds=1)  # keeps the order of a batch in the index, whose scores are times
_LONGEST_DELAY = timedelta(days=3660)


@dataclass(slots=True, kw_only=True)  # not frozen for the same reason as Job
class JobRequest:
    """What HTTP, the command line and schedules ask for; None means what the task says.

    `run_at` is aware; `timeout` is seconds; `retries` replaces the task's number of retries; a request with the
    `idempotency_key` of an accepted one gives that job, for 24 hours, and is refused when its `fingerprint` differs.
    """

    task: str
    args: Mapping[str, Any] = field(default_factory=dict)
    queue: str | None = None
    run_at: datetime | None = None
    timeout: int | None = None
    retries: int | None = None
    priority: Priority | None = None
    tags: Sequence[str] = ()
    job_id: str | None = None
    idempotency_key: str | None = None
    fingerprint: str = ""
    unique: Unique | None = None
    schedule: str | None = None
    tick: str | None = None
    traceparent: str | None = None


def enqueue(function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> Job:
    """Enqueue a call of a task to be run as soon as a worker is free.

    Raises InvalidArguments, ArgumentsTooLarge, FileMissing or RedisUnavailable; then nothing was enqueued.
    """
    return Options(function).enqueue(*args, **kwargs)


def enqueue_in(delay: float | timedelta, function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> Job:
    """Enqueue a call of a task to be run after a delay, in seconds or as a timedelta."""
    return Options(function).enqueue_in(delay, *args, **kwargs)


def enqueue_at(when: datetime, function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> Job:
    """Enqueue a call of a task to be run at an instant; `when` must carry its time zone."""
    return Options(function).enqueue_at(when, *args, **kwargs)


def with_options(
    function: Callable[P, Any],
    *,
    queue: str | None = None,
    timeout: int | None = None,
    retries: int | None = None,
    priority: Priority | None = None,
    tags: Sequence[str] = (),
    idempotency_key: str | None = None,
    unique: Unique | None = None,
) -> Options:
    """The same task with other options for the next call: `with_options(send, queue="high").enqueue(...)`."""
    given = {"queue": queue, "timeout": timeout, "retries": retries, "priority": priority, "unique": unique}
    return Options(function, **given, tags=tuple(tags), idempotency_key=idempotency_key)


class Options:
    """A task and the options of its next call."""

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self._task = registry.task_of(function)
        self._options = options

    def enqueue(self, *args: Any, **kwargs: Any) -> Job:
        """As the function `enqueue`."""
        return self._submit(None, args, kwargs)

    def enqueue_in(self, delay: float | timedelta, *args: Any, **kwargs: Any) -> Job:
        """As the function `enqueue_in`."""
        wait = delay if isinstance(delay, timedelta) else timedelta(seconds=delay)
        return self._submit(datetime.now(UTC) + wait, args, kwargs)

    def enqueue_at(self, when: datetime, *args: Any, **kwargs: Any) -> Job:
        """As the function `enqueue_at`."""
        return self._submit(when, args, kwargs)

    def _submit(self, run_at: datetime | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Job:
        named = self._task.bind(args, kwargs)
        return submit(JobRequest(task=self._task.name, args=named, run_at=run_at, **self._options))


def submit(request: JobRequest) -> Job:
    """Accept one request; the job it gives is stored when this returns.

    Raises UnknownTask, InvalidArguments, ArgumentsTooLarge, FileMissing, IdempotencyKeyReused, QueueFull or
    RedisUnavailable.
    """
    settings = current_settings()
    job = prepare(request, settings, datetime.now(UTC))
    return inline.run(job) if inline.active() else _send(job, settings)


def submit_many(requests: Iterable[JobRequest], *, at_once: int = _BATCH) -> list[Job]:
    """Accept requests, one round trip for each `at_once`; every one is checked before the first is stored.

    Those of one round trip are stored all or none.
    """
    settings, now = current_settings(), datetime.now(UTC)
    prepared = [prepare(request, settings, now + _STEP * number) for number, request in enumerate(requests)]
    if inline.active():
        return [inline.run(job) for job in prepared]
    batches = [prepared[start : start + at_once] for start in range(0, len(prepared), at_once)]
    return _send_in_turn(batches, settings)


def prepare(request: JobRequest, settings: Settings, now: datetime) -> Job:
    """Check a request and give the job it would become, without storing it."""
    task = registry.find(request.task)
    _check(request, task, now)
    encoded = task.encode(request.args)  # once for their size, their files and their record
    _check_size(encoded, settings)
    delayed = request.run_at is not None and request.run_at > now
    job_id = request.job_id or secrets.token_hex(16)
    queue = request.queue or task.queue
    return Job(
        id=job_id,
        task=task.name,
        args=from_json(encoded),
        encoded=encoded,
        queue=queue,
        status="scheduled" if delayed else "queued",
        created_at=now,
        enqueued_at=None if delayed else now,
        run_at=request.run_at if delayed else None,
        max_attempts=1 + (task.retry.max if request.retries is None else request.retries),
        tags=tuple(request.tags),
        schedule=request.schedule,
        tick=request.tick,
        traceparent=_trace(request, job_id, queue),
        idempotency_key=request.idempotency_key,
        fingerprint=request.fingerprint,
        unique=request.unique or task.unique,
        timeout=request.timeout or task.timeout,
        priority=request.priority or task.priority,
    )


def _trace(request: JobRequest, job_id: str, queue: str) -> str | None:
    given = request.traceparent or inherited_traceparent()
    return tracing.made(Making(job_id, request.task, queue, given)) if tracing.watched() else given


def _send(job: Job, settings: Settings) -> Job:
    files.require(job.args, job.encoded)
    with connection.translate_errors():
        ids = script("enqueue")(_KEYS, _described([job], settings), connection.client())
    if ids == [job.id.encode()]:  # what to make of another answer is found out only where there is one
        return job
    return _answers(_heeded([job], ids, settings))[0]


def _send_in_turn(batches: Sequence[Sequence[Job]], settings: Settings) -> list[Job]:
    """One batch is described while the server stores the one before, which hides a quarter of the time for both."""
    for batch in batches:  # before: from the first batch to the last a connection is taken, and it may be the only one
        _require_files(batch)
    calls = (_described(batch, settings) for batch in batches)
    heeded: list[tuple[Job, str]] = []
    in_turn = script("enqueue").in_turn(_KEYS, calls, connection.client())
    with connection.translate_errors(), closing(in_turn) as replies:
        for batch, ids in zip(batches, replies, strict=True):
            heeded += _heeded(batch, ids, settings)
    return _answers(heeded)


def _described(batch: Sequence[Job], settings: Settings) -> list[Value | Packed]:
    """What the script takes; from now on no job holds its arguments twice, as callers may keep many."""
    described = descriptions.together(batch, settings)
    for job in batch:
        job.encoded = b""
    return described


def _require_files(batch: Sequence[Job]) -> None:
    for job in batch:
        files.require(job.args, job.encoded)


def _heeded(batch: Sequence[Job], ids: Sequence[bytes], settings: Settings) -> list[tuple[Job, str]]:
    """The id that answers each job; raises what the script has refused."""
    last = ids[-1].decode()
    if last == "%":
        raise pressure.full_server()
    if last.startswith("#"):
        raise QueueFull(last[1:], settings.max_queue_depth)
    if last.startswith("!"):
        raise IdempotencyKeyReused(batch[len(ids) - 1].idempotency_key or "", last[1:])
    return [(job, job_id.decode()) for job, job_id in zip(batch, ids, strict=True)]


def _answers(heeded: Iterable[tuple[Job, str]]) -> list[Job]:
    return [job if job.id == job_id else _existing(job, job_id) for job, job_id in heeded]


def _existing(asked: Job, job_id: str) -> Job:
    """The job that holds the key or the place; when its record has expired meanwhile, only its id is known."""
    return find_job(job_id) or replace(asked, id=job_id)


def _check(request: JobRequest, task: Task, now: datetime) -> None:
    problems = [Problem(pointer, message) for pointer, message in _wrong(request, now)]
    if problems:
        raise InvalidArguments(task.name, problems)


def _wrong(request: JobRequest, now: datetime) -> Iterable[tuple[str, str]]:
    if request.run_at is not None and request.run_at.tzinfo is None:
        yield "/run_at", "needs a time zone, such as 2026-11-21T17:00:00+01:00"
    elif request.run_at is not None and request.run_at - now > _LONGEST_DELAY:
        yield "/run_at", "is more than ten years away"
    if request.job_id is not None and not _ID.fullmatch(request.job_id):
        yield "/job_id", "must be 1 to 128 letters, digits, '_' or '-'"
    if request.queue is not None and not _QUEUE.fullmatch(request.queue):
        yield "/queue", "must be letters, digits, '_', '.' or '-'"
    if request.timeout is not None and not 1 <= request.timeout <= 86400:
        yield "/timeout", "must be 1 to 86400 seconds"
    if request.retries is not None and not 0 <= request.retries <= 100:
        yield "/retries", "must be 0 to 100"
    if request.priority is not None and request.priority not in PRIORITIES:
        yield "/priority", f"must be {' or '.join(PRIORITIES)}"


def _check_size(encoded: bytes, settings: Settings) -> None:
    size = len(encoded)
    if size > settings.max_args_bytes:
        raise ArgumentsTooLarge("the arguments", size, settings.max_args_bytes, "MAX_ARGS_BYTES")
