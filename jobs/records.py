"""A job as the rest of the house sees it, and as the hash that RQ and we share."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from . import instants
from .priorities import PRIORITIES, Priority
from .uniqueness import Unique

VERSION = 1
_ENDED = {b"finished", b"failed", b"canceled", b"stopped"}  # in other states `ended_at` is that of the last attempt
ENTRY = "jobs.perform"
_LARGEST = 2**31 - 1  # what a horse's slot can hold of a number; no honest record comes near it
_RANKS = {one.encode(): one for one in PRIORITIES}

Json = Any


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task says it is; `total` is None when it does not know."""

    done: float
    total: float | None
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class JobError:
    """The last error of a job: the exception's class and its message."""

    type: str
    message: str


@dataclass(slots=True)  # nobody changes one; to freeze it would make each take three times as long, of many in a second
class Job:
    """One enqueued call of a task, as it was when it was read. Times are aware UTC.

    `status` is one of RQ's words: queued, scheduled, started, finished, failed, canceled, deferred, stopped.
    `attempt` counts the attempts that were started. `result` is filled in inline mode only; elsewhere it is read
    by `jobs.monitor.get_result`. `fingerprint`, `unique` and `encoded`, the JSON of `args`, are known only while it is
    enqueued.
    """

    id: str
    task: str
    args: dict[str, Json]
    queue: str
    status: str
    created_at: datetime
    enqueued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    run_at: datetime | None = None
    attempt: int = 0
    max_attempts: int = 1
    progress: Progress | None = None
    error: JobError | None = None
    worker: str | None = None
    tags: tuple[str, ...] = ()
    schedule: str | None = None
    tick: str | None = None
    idempotency_key: str | None = None
    traceparent: str | None = None
    fingerprint: str = field(default="", compare=False)
    unique: Unique | None = field(default=None, compare=False)
    encoded: bytes = field(default=b"", compare=False, repr=False)
    timeout: int = 180
    priority: Priority = "normal"
    result: Json = field(default=None, compare=False)


def rq_time(at: datetime) -> str:
    """An instant as RQ writes it into its records."""
    return instants.written(*instants.parts(at))


def read(job_id: str, raw: Mapping[bytes, bytes]) -> Job:
    """The view of a stored hash; raises ValueError, KeyError or TypeError when the record is corrupt."""
    task, args = call(raw[b"data"])
    field = raw.get
    return Job(
        id=job_id,
        task=task,
        args=args,
        queue=raw[b"origin"].decode(),
        status=raw[b"status"].decode(),
        created_at=_time(field(b"created_at")) or datetime.fromtimestamp(0, UTC),
        enqueued_at=_time(field(b"enqueued_at")),
        started_at=_time(field(b"started_at")),
        ended_at=_time(field(b"ended_at")) if raw[b"status"] in _ENDED else None,
        run_at=_time(field(b"run_at")),
        attempt=_number(field(b"attempt", b"0")),
        max_attempts=_number(field(b"max_attempts", b"1")),
        progress=_progress(field(b"progress")),
        error=_error(field(b"error")),
        worker=_text(field(b"worker_name")),
        tags=tuple(json.loads(raw[b"tags"])) if b"tags" in raw else (),
        schedule=_text(field(b"schedule")),
        tick=_text(field(b"tick")),
        idempotency_key=_text(field(b"idempotency_key")),
        traceparent=_text(field(b"traceparent")),
        timeout=_number(field(b"timeout", b"180")),
        priority=_RANKS.get(field(b"priority", b""), "normal"),
    )


def call(data: bytes) -> tuple[str, dict[str, Json]]:
    """The task's name and its arguments in RQ's `data` field, compressed or not.

    Raises ValueError when it is not a call that we wrote.
    """
    function, _, args, _ = from_json(data if data.startswith(b"[") else _unpacked(data))
    if function != ENTRY or len(args) != 2 or not isinstance(args[0], str) or not isinstance(args[1], dict):
        raise ValueError(f"not a job of ours: it calls {function!r}")
    return args[0], args[1]


def may_say(data: bytes, text: str) -> bool:
    """Whether arguments may have a text, in any case of its letters; False is certain, and much faster than `call`."""
    plain = data if data.startswith(b"[") else _unpacked(data)
    wanted = text.partition("=")[2].strip() or text
    is_plain = wanted.isascii() and wanted.isprintable() and not set(wanted) & set('"\\')
    return not is_plain or wanted.lower().encode() in plain.lower()


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise ValueError(f"not a job of ours: {error}") from None


def _number(raw: bytes) -> int:
    if not 0 <= (number := int(raw)) <= _LARGEST:
        raise ValueError(f"{number} is out of range")
    return number


def _text(raw: bytes | None) -> str | None:
    return raw.decode() if raw else None


def _time(raw: bytes | None) -> datetime | None:
    return datetime.fromisoformat(raw.decode()) if raw else None


def _progress(raw: bytes | None) -> Progress | None:
    if not raw:
        return None
    value = json.loads(raw)
    return Progress(value["done"], value["total"], value["note"], datetime.fromtimestamp(value["at"], UTC))


def _error(raw: bytes | None) -> JobError | None:
    return JobError(**json.loads(raw)) if raw else None
