"""What a person does to a job: cancel, try again, delete. Each is one script, and raises RedisUnavailable."""

from __future__ import annotations

import time

from . import connection, keys
from .descriptions import IDEMPOTENCY_LIFE
from .errors import IdempotencyKeyReused, JobConflict, JobMissing
from .scripts import Value, script
from .verbs import rq_time

_CANCELED_NOW = ("queued", "scheduled", "deferred", "started", "canceled")
_AGAIN, _REPLAYED, _REUSED = "again", "replayed", "reused"


def cancel(job_id: str) -> None:
    """Cancel a job: at once when it waits; one that runs is interrupted first, which takes a moment.

    One that is canceled stays so. Raises JobMissing, and JobConflict when it has ended in another way.
    """
    status = _run("cancel", job_id, [keys.job(job_id)], [job_id, rq_time(time.time())])
    if status not in _CANCELED_NOW:
        raise JobConflict(f"job {job_id} cannot be canceled: it is {status}")


def requeue(job_id: str) -> None:
    """Give a dead letter, a stopped or a canceled job all its attempts again.

    Raises JobMissing, and JobConflict when it is none of these.
    """
    requeue_once(job_id, key="", fingerprint="")


def requeue_once(job_id: str, *, key: str, fingerprint: str) -> bool:
    """The same, once for an idempotency key; False when it was sent before. Raises IdempotencyKeyReused, too."""
    args: list[Value] = [job_id, rq_time(time.time()), key, fingerprint, IDEMPOTENCY_LIFE]
    told = _run("requeue", job_id, [keys.job(job_id), keys.QUARANTINE], args)
    if told == _REUSED:
        raise IdempotencyKeyReused(key, job_id)
    if told not in (_AGAIN, _REPLAYED):
        raise JobConflict(f"job {job_id} cannot be tried again: it is {told}")
    return told == _AGAIN


def delete(job_id: str) -> None:
    """Delete a job with its result, log, attempts and artifacts. Raises JobMissing, and JobConflict while it runs."""
    if _run("delete", job_id, [keys.job(job_id)], [job_id]) == "started":
        raise JobConflict(f"job {job_id} cannot be deleted: it is running")


def _run(verb: str, job_id: str, names: list[Value], args: list[Value]) -> str:
    with connection.translate_errors():
        status = script(verb)(names, args, connection.client())
    if status is None:
        raise JobMissing(job_id)
    return str(status.decode())
