"""What brings jobs back that nobody works on: those whose horse died, and those whose time has come.

Any worker and any clock may run these as often as they like; each entry is one atomic script.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from pydantic_core import from_json
from redis.exceptions import ResponseError

from . import keys
from .claims import State
from .connection import Client, translate_errors
from .running import AttemptError
from .scripts import Value, script
from .verbs import LEASE, Claim, Then, Verb, attempt_args, error_fields, error_json, rq_time

CRASHES_ALLOWED = 3
LONGEST_SILENCE = 6  # seconds between two answers of the server, above which it was away
_MOST_AT_ONCE = 500
_LEDGER_PAGE = 500
_MISSED_FOR = 10  # seconds: plain RQ moves a job in two steps, between which it is nowhere


@dataclass(frozen=True, slots=True)
class Held:
    """A batch in the hands of a horse.

    `kept` are its attempts that are finished and not settled, as JSON of `Ended.args`; `running` and `execution` tell
    the prefetched job that it runs, if it runs one.
    """

    batch: str
    kept: Sequence[bytes] = ()
    running: str = ""
    execution: str = ""


@dataclass(frozen=True, slots=True)
class Reaped:
    """A job taken from a dead horse: back in its queue, a dead letter, canceled, or unreadable and quarantined."""

    job_id: str
    queue: str
    task: str
    crashes: int

    @property
    def fate(self) -> str:
        """What was done with it."""
        if self.crashes < 0:
            return {-1: "quarantined", -2: "canceled"}[self.crashes]
        return "dead letter" if self.crashes >= CRASHES_ALLOWED else "requeued"


def promote(client: Client) -> int:
    """Move the delayed jobs and retries that are due to the end of their queues; gives their number."""
    with translate_errors():
        return int(script("promote")([keys.QUEUES], [rq_time(time.time()), _MOST_AT_ONCE], client))


class Reaper:
    """Takes jobs whose lease has run out from their horses.

    After an outage it waits for the length of a lease, in which the supervisors that live renew theirs: else the first
    one that reaches the server again would take the jobs of all others.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._last_answer: float | None = None
        self._steady_since = float("-inf")

    def run(self, now: float) -> Iterator[Reaped]:
        """Take the jobs, one by one; `now` is on the monotonic clock. Raises RedisUnavailable."""
        overdue = _overdue(self._client)
        if self._last_answer is not None and now - self._last_answer > LONGEST_SILENCE:
            self._steady_since = now
        self._last_answer = now
        if now > self._steady_since + LEASE + 1:
            yield from filter(None, (self._take(queue, member) for queue, member in overdue))

    def _take(self, queue: str, member: str) -> Reaped | None:
        if not queue:
            give_back(self._client, Held(member), "", expired_only=True)
            return None
        job_id, colon, execution = member.partition(":")
        if not colon:
            self._drop(queue, member)
            return None
        reason = "the worker stopped sending heartbeats"
        return crashed(self._client, queue, job_id, execution, reason=reason, expired_only=True)

    def _drop(self, queue: str, member: str) -> None:
        """An entry that is none: nobody could ever settle it."""
        with translate_errors():
            self._client.zrem(keys.registry("wip", queue), member)


def sweep(client: Client) -> list[str]:
    """Look through the next part of the ledger for jobs that are in no place; gives those that were put back."""
    names = [keys.JOBS, keys.SWEEP, keys.SUSPECTS, keys.STATS]
    with translate_errors():
        found = script("sweep")(names, [_LEDGER_PAGE, _MISSED_FOR, rq_time(time.time())], client)
    return [job_id.decode() for job_id in found]


def tidy(client: Client) -> None:
    """Take workers that are gone, and queues that nobody uses, off RQ's lists. Raises RedisUnavailable."""
    with translate_errors():
        script("tidy")([keys.QUEUES, keys.WORKERS, keys.PAUSED], [], client)


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
    at = time.time()
    args = [*Then().args(claim.text(b"worker_name"), at), *attempt_args(claim, verb, at, peak_kb)]
    with translate_errors():
        [state], _, crashes = script("reap")([], args, client)
    return Reaped(job_id, queue, claim.text(b"task"), crashes) if state == State.OWNED else None


def take_over(client: Client, held: Held, worker: str) -> list[str]:
    """Settle what a horse of this worker has finished of its batch, and give back what it has not begun.

    The job that it runs counts as started from now on. Gives the ids of those for whose end jobs of plain RQ wait.
    Raises RedisUnavailable; then the same call may be made again.
    """
    awaited = _settle_kept(client, held, worker) if held.kept else []
    give_back(client, held, worker)
    return awaited


def _settle_kept(client: Client, held: Held, worker: str) -> list[str]:
    header = Then(batch=held.batch, keep=True).args(worker, time.time())
    attempts = [part for args in held.kept for part in from_json(args)]
    with translate_errors():
        _, _, awaited = script("finish")([], [*header, *attempts], client)
    return [job_id.decode() for job_id in awaited]


def give_back(client: Client, held: Held, worker: str, *, expired_only: bool = False) -> None:
    """Put the jobs of a batch back at the front of their queues, and write down the start of the one that runs."""
    args: list[Value] = [held.batch, int(expired_only), held.running, held.execution]
    with translate_errors():
        script("give_back")([], [*args, worker, rq_time(time.time()), LEASE], client)


def _overdue(client: Client) -> Iterator[tuple[str, str]]:
    with translate_errors():
        found = [part.decode() for part in script("overdue")([keys.QUEUES], [_MOST_AT_ONCE], client)]
    return zip(found[::2], found[1::2], strict=True)


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
