"""Run one job's task, and say what came of it."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from . import registry, scrubbing, stats
from .context import JobContext, RedisNotes, bound
from .errors import (
    FileMissing,
    FileTooLarge,
    InvalidArguments,
    RedisUnavailable,
    ResultNotJson,
    ResultTooLarge,
    UnknownTask,
)
from .files import File
from .records import VERSION, Job
from .registry import Task
from .retries import Discard, RetryLater, Snooze
from .settings import current_settings

_TRACEBACK_BYTES = 32 * 1024
_ROLL_OUT = timedelta(minutes=10)  # how long two releases may run beside each other
_UNKNOWN_LATER, _NEWER_LATER = 5.0, 30.0  # seconds until a job is offered again, to whoever is there then
_HOPELESS = (InvalidArguments, FileMissing, FileTooLarge, ResultNotJson, ResultTooLarge)


@dataclass(frozen=True, slots=True)
class AttemptError:
    """Why an attempt failed; `cause` is the exception itself, while it is in this process."""

    type: str
    message: str
    traceback: str
    cause: BaseException | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """The task returned; `result` is its JSON."""

    result: bytes


@dataclass(frozen=True, slots=True)
class Retrying:
    """The attempt failed and another follows in `delay` seconds."""

    delay: float
    error: AttemptError


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed and was the last: the job becomes a dead letter."""

    error: AttemptError


@dataclass(frozen=True, slots=True)
class Snoozed:
    """The task asked to be run again in `delay` seconds; the attempt does not count."""

    delay: float


@dataclass(frozen=True, slots=True)
class PutOff:
    """This release cannot run the job, but another one may: it waits `delay` seconds; the attempt does not count."""

    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """The task ended the job itself: failed, without another attempt."""

    error: AttemptError


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The job cannot be run by this release: its task is unknown."""

    reason: str


Outcome = Finished | Retrying | Failed | Snoozed | PutOff | Discarded | Quarantined


def execute(task_name: str, args: Mapping[str, Any], context: JobContext) -> Outcome:
    """Run a task for a job and judge how it ended; no Exception leaves it, a BaseException passes through."""
    try:
        task = registry.find(task_name)
    except UnknownTask as error:
        return _unknown(error)
    try:
        return Finished(run(task, args, context))
    except Snooze as asked:
        return Snoozed(asked.seconds)
    except RedisUnavailable as outage:  # our own server: an outage spends no attempt
        return Snoozed(outage.retry_after)
    except Exception as error:
        return _judge(task, error, context)


def too_new(record: Mapping[bytes, bytes]) -> PutOff | None:
    """What becomes of a job whose record a newer release has written: workers of that release run it."""
    version = record.get(b"v", b"1")
    if not version.isdigit() or int(version) <= VERSION:
        return None
    return PutOff(
        _NEWER_LATER, f"a newer release wrote it: version {version.decode()} of records, known here is {VERSION}"
    )


def _unknown(error: UnknownTask) -> PutOff | Quarantined:
    """While a release is being rolled out, its workers may know the task."""
    try:
        rolling_out = bool(stats.deploys(datetime.now(UTC) - _ROLL_OUT))
    except RedisUnavailable:
        rolling_out = True  # then we shall see
    return PutOff(_UNKNOWN_LATER, str(error)) if rolling_out else Quarantined(str(error))


def perform(task_name: str, args: Mapping[str, Any]) -> Any:
    """Run a task under a worker of plain RQ: the one function that stored jobs name.

    Raises what the task raises, so that RQ records it.
    """
    return json.loads(run(registry.find(task_name), args, _context_from_rq()))


def run(task: Task, args: Mapping[str, Any], context: JobContext) -> bytes:
    """Run a task with stored arguments and give its result as JSON; raises what the task raises."""
    with bound(context):
        values = task.restore(args)
        result = asyncio.run(task.function(**values)) if task.is_async else task.function(**values)
    return _as_json(task, result)


def _as_json(task: Task, result: Any) -> bytes:
    try:
        encoded = to_json(result, fallback=_plain, inf_nan_mode="null")
    except (PydanticSerializationError, TypeError) as error:
        raise ResultNotJson(f"{task.name} returned something that JSON cannot hold: {error}") from None
    limit = current_settings().max_result_bytes
    if len(encoded) > limit:
        raise ResultTooLarge(f"the result of {task.name}", len(encoded), limit, "MAX_RESULT_BYTES")
    return encoded


def _plain(value: Any) -> str:
    if isinstance(value, File):
        return value.id
    raise TypeError(f"{type(value).__name__} is not JSON; return an artifact or plain values")


def _judge(task: Task, error: Exception, context: JobContext) -> Outcome:
    described = scrubbed(describe(error), context.job)
    if isinstance(error, Discard):
        return Discarded(described)
    left = context.attempt < context.max_attempts
    if isinstance(error, RetryLater):
        return Retrying(error.seconds, described) if left else Failed(described)
    if left and not isinstance(error, _HOPELESS) and task.retry.wants(error):
        return Retrying(task.retry.delay(context.attempt), described)
    return Failed(described)


def describe(error: BaseException) -> AttemptError:
    """The class, message and traceback of an exception, without our own frames above the task's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__ and trace.tb_next is not None:
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    message = _storable(str(error) or type(error).__name__)
    return AttemptError(type(error).__qualname__, message[:2000], _storable("".join(lines))[-_TRACEBACK_BYTES:], error)


def _storable(text: str) -> str:
    """The same with lone surrogates spelled out, as in a file's name that is not UTF-8: they cannot be encoded."""
    return text.encode("utf-8", "backslashreplace").decode()


def scrubbed(error: AttemptError, job: Job) -> AttemptError:
    """The same without the secrets that it quotes, of the settings or of the job's arguments: people will read it."""
    secrets = scrubbing.of_job(job.task, job.args) | scrubbing.of_settings(current_settings())
    message, trace = (scrubbing.without(text, secrets) for text in (error.message, error.traceback))
    return replace(error, message=message, traceback=trace)


def _context_from_rq() -> JobContext:
    """Built late: under our own workers nothing of it is needed."""
    from rq import get_current_job

    from . import connection, records

    rq = get_current_job()
    if rq is None:
        raise UnknownTask("jobs.perform outside a worker")
    raw = connection.read_hash(rq.key)
    notes = RedisNotes(rq.id, "", connection.client(), current_settings())
    return JobContext(records.read(rq.id, raw), notes, state=json.loads(raw.get(b"checkpoint", b"null")))
