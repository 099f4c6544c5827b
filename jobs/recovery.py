"""What brings jobs back that nobody works on: those whose horse died, and those whose time has come.

Any worker and any clock may run these as often as they like; each entry is one atomic script.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from redis.exceptions import ResponseError

from . import keys
from .claims import Claim, State, Verb, error_fields, error_json, rq_time, settle_args
from .connection import Client, translate_errors
from .running import AttemptError
from .scripts import script

CRASHES_ALLOWED = 3
_MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Reaped:
    """A job taken from a dead horse: back in its queue, a dead letter, or unreadable and quarantined."""

    job_id: str
    queue: str
    task: str
    crashes: int

    @property
    def fate(self) -> str:
        """What was done with it."""
        if self.crashes < 0:
            return "quarantined"
        return "dead letter" if self.crashes >= CRASHES_ALLOWED else "requeued"


def queue_names(client: Client) -> list[str]:
    """Every queue that ever held a job."""
    with translate_errors():
        found = cast("set[bytes]", client.smembers(keys.QUEUES))
    return sorted(key.decode().removeprefix("rq:queue:") for key in found)


def promote(client: Client, queues: Sequence[str]) -> int:
    """Move the delayed jobs and retries that are due to the end of their queues; gives their number."""
    if not queues:
        return 0
    with translate_errors():
        scheduled = [keys.registry("scheduled", name) for name in queues]
        return int(script("promote")(scheduled, [rq_time(time.time()), _MOST_AT_ONCE], client))


def reap(client: Client, queues: Sequence[str]) -> Iterator[Reaped]:
    """Take the jobs whose lease has run out from their horses, one by one."""
    for queue in queues:
        for member in _expired(client, queue):
            job_id, _, execution = member.partition(":")
            reason = "the worker stopped sending heartbeats"
            reaped = crashed(client, queue, job_id, execution, reason=reason, expired_only=True)
            if reaped:
                yield reaped


def crashed(
    client: Client,
    queue: str,
    job_id: str,
    execution: str,
    *,
    reason: str,
    peak_kb: int = 0,
    expired_only: bool = False,
) -> Reaped | None:
    """Take one job from a horse that died; None when it was settled before. Raises RedisUnavailable."""
    claim = claim_of(client, queue, job_id, execution)
    error = AttemptError("Crashed", reason, "")
    own = ["1" if expired_only else "0", CRASHES_ALLOWED, error_json(error)]
    verb = Verb("reap", "crashed", error_fields(error), own)
    args = settle_args(claim, verb, claim.text(b"worker_name"), at=time.time(), peak_kb=peak_kb)
    with translate_errors():
        state, _, crashes = script("reap")([], args, client)
    return Reaped(job_id, queue, claim.text(b"task"), crashes) if state == State.OWNED else None


def _expired(client: Client, queue: str) -> list[str]:
    """Members `<job id>:<execution>` of running jobs without a live lease."""
    with translate_errors():
        now = client.time()[0]
        found = client.zrangebyscore(keys.registry("wip", queue), "-inf", now, start=0, num=_MOST_AT_ONCE)
    return [member.decode() for member in cast("list[bytes]", found)]


def claim_of(client: Client, queue: str, job_id: str, execution: str) -> Claim:
    """The claim of a dead horse, as far as its record can still be read. Raises RedisUnavailable."""
    with translate_errors():
        try:
            record = cast("dict[bytes, bytes]", client.hgetall(keys.job(job_id)))
        except ResponseError:
            record = {}
    return Claim(job_id, queue, execution, _started_at(record), record)


def _started_at(record: Mapping[bytes, bytes]) -> float:
    try:
        return datetime.fromisoformat(record[b"started_at"].decode()).timestamp()
    except (KeyError, ValueError):
        return time.time()
