"""A new job as scripts take it (jobs/lua/parts/accept.lua): what is its own, and the kind it shares with others."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from pydantic_core import to_json
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from . import instants, registry
from .connection import Client
from .records import ENTRY, VERSION, Job
from .scripts import Packed, Value
from .settings import Settings

IDEMPOTENCY_LIFE = 86400
_CALL = b'["' + ENTRY.encode() + b'",null,["%b",%b],{}]'  # the name of a task needs no escapes
_SMALL = 200  # bytes, below which compressing saves nothing


class Kind(NamedTuple):
    """What jobs have in common that are made of one task with the same options."""

    task: str
    queue: str
    priority: str
    status: str
    timeout: int
    max_attempts: int
    result_ttl: int
    failure_ttl: int


def alone(job: Job, settings: Settings) -> list[Value]:
    """One job, for scripts that enqueue as part of something else."""
    return [*_own(job), *_shared(_kind(job, settings))]


def together(jobs: Iterable[Job], settings: Settings) -> list[Value | Packed]:
    """The arguments of one call of enqueue.lua; what the jobs of a kind have in common is sent once."""
    counts: dict[Kind, int] = {}
    numbers: dict[Kind, int] = {}
    described: list[Value | Packed] = []
    for job in jobs:
        kind = _kind(job, settings)
        counts[kind] = counts.get(kind, 0) + 1
        described += (numbers.setdefault(kind, len(counts)), *_own(job))
    return [_kinds(settings.max_queue_depth, *counts.items()), *described]


@lru_cache(maxsize=256)
def _kinds(most: int, *counted: tuple[Kind, int]) -> Packed:
    return Packed(most, len(counted), *(part for kind, count in counted for part in (count, *_shared(kind))))


def _kind(job: Job, settings: Settings) -> Kind:
    result_ttl = registry.find(job.task).result_ttl or settings.result_ttl
    options = job.queue, job.priority, job.status, job.timeout, job.max_attempts
    return Kind(job.task, *options, result_ttl, settings.failure_ttl)


@lru_cache(maxsize=1024)
def _shared(kind: Kind) -> tuple[Value, ...]:
    """A kind as the script takes it: RQ's own fields, then ours."""
    fields = _blank() | {
        "origin": kind.queue,
        "description": kind.task,
        "timeout": kind.timeout,
        "result_ttl": kind.result_ttl,
        "failure_ttl": kind.failure_ttl,
        "status": kind.status,
        "v": VERSION,
        "task": kind.task,
        "max_attempts": kind.max_attempts,
    }
    if kind.priority != "normal":
        fields["priority"] = kind.priority
    pairs = [part for pair in fields.items() for part in pair]
    return kind.queue, kind.priority, len(pairs), *pairs


def _blank() -> dict[str, Value]:
    """What RQ itself writes for a new job, whatever it is, but for what is a job's own."""
    values = RqJob.create(ENTRY, connection=Client(), serializer=JSONSerializer).to_dict()
    return {name: value for name, value in values.items() if value not in ("", None) and name not in _OWN}


_OWN = {"created_at", "enqueued_at", "data"}  # the script writes them


def _own(job: Job) -> tuple[Value, ...]:
    second, micros = instants.parts(job.created_at)
    milliseconds = f"{second}{micros[:3]}.{micros[3:]}"  # text: to spell a float takes longer than all its neighbours
    created, guards, fields = instants.written(second, micros), _guards(job), _fields(job)
    return job.id, milliseconds, created, _data(job), len(guards), len(fields), *guards, *fields


def _guards(job: Job) -> tuple[Value, ...]:
    if job.run_at is None and job.idempotency_key is None and job.unique is None:
        return ()
    due: Value = job.run_at.timestamp() if job.run_at else ""
    unique = job.unique
    alike = (unique.digest(job.task, job.args), unique.until, unique.window) if unique else ("", "", 0)
    return due, job.idempotency_key or "", job.fingerprint, IDEMPOTENCY_LIFE, *alike


def _fields(job: Job) -> list[Value]:
    """What only some jobs have; most have none of it."""
    fields: list[Value] = []
    if job.run_at:
        fields += ("run_at", job.run_at.isoformat())
    if job.tags:
        fields += ("tags", to_json(job.tags))
    if job.schedule:
        fields += ("schedule", job.schedule)
    if job.tick:
        fields += ("tick", job.tick)
    if job.idempotency_key:
        fields += ("idempotency_key", job.idempotency_key)
    if job.traceparent:
        fields += ("traceparent", job.traceparent)
    if job.unique and job.unique.until == "started":
        fields += ("unique", job.unique.until)  # so that its start is written at once (jobs/claims.py)
    return fields


def _data(job: Job) -> bytes:
    """RQ's description of the call; small ones as they are, which RQ reads as well and the server keeps in less."""
    plain = _CALL % (job.task.encode(), job.encoded or to_json(job.args))
    return plain if len(plain) <= _SMALL else zlib.compress(plain)
