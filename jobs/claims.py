"""Claim jobs, and settle their attempts: each is one round trip, fenced by an execution id, and may be sent again.

Whoever holds the entry `<job id>:<execution>` in `rq:wip:<queue>` owns the job. Settling removes the entry and does
the rest in the same script, so of two copies of a job only one is ever applied.

With the next job a settling call may take some more, a batch: they wait in a list of their own until the horse runs
them, and their attempts are settled together. The place in that list is what owning such a job means.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import count
from typing import Any

from . import keys
from .connection import Client, translate_errors
from .scripts import Line, Value, script
from .verbs import LEASE, Claim, Ended, Ending, Then, ended, rq_time

# What a claim reads of a record, in the order of lua/parts/start.lua; all of it would cost the server a tenth more.
FIELDS = (
    *(b"status", b"attempt", b"data", b"origin", b"created_at", b"enqueued_at", b"run_at", b"timeout"),
    *(b"max_attempts", b"result_ttl", b"failure_ttl", b"tags", b"schedule", b"tick"),
    *(b"idempotency_key", b"traceparent", b"checkpoint", b"error", b"task", b"ended_at", b"v"),
    b"unique",
)
_TASK, _UNIQUE = FIELDS.index(b"task"), FIELDS.index(b"unique")


class State(IntEnum):
    """What a settling script found: ours to settle, somebody else's by now, or settled by an earlier sending."""

    STALE = 0
    OWNED = 1
    REPEATED = 2


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of each attempt, and the job that was claimed in the same call.

    `awaited` are the ids of those for whose end jobs of plain RQ wait.
    """

    states: Sequence[State]
    next: Claim | None
    awaited: Sequence[str] = ()

    @property
    def state(self) -> State:
        """What became of the last one."""
        return self.states[-1]


class Claims:
    """Claims and settles for one horse, over one client."""

    def __init__(self, client: Client, worker: str) -> None:
        self._line = Line(client)
        self._worker = worker
        # 16 random digits once and a counter: unique like RQ's uuid4().hex, at a tenth of its cost per job.
        self._prefix = secrets.token_hex(8)
        self._numbers = count()
        self._prefetched: deque[Any] = deque()
        self.batch = ""

    def new_execution(self) -> str:
        """An id for the next attempt; a call that is sent again must carry the same one."""
        return f"{self._prefix}{next(self._numbers):016x}"

    def claim(self, queues: Sequence[str], execution: str, at: float) -> Claim | None:
        """Start the next job of these queues, best first; None when they are empty. Raises RedisUnavailable."""
        with translate_errors():
            found = self._line.call(script("claim"), _names(queues), self._call(execution, at))
        return self._taken(found, execution, at)

    def claim_woken(self, queues: Sequence[str], lists: Sequence[str], execution: str, seconds: float) -> Claim | None:
        """The same when somebody puts a job in one of these queues, or nobody did for so long. Raises RedisUnavailable.

        Waiting and claiming is one round trip.
        """
        args = self._call(execution, time.time())
        wait: list[Value] = ["BLPOP", *map(keys.wake, queues), seconds]
        with translate_errors():
            found = self._line.call_after(wait, script("claim"), _names(lists), args)
        return self._taken(found, execution, time.time())

    def claimed(self, lists: Sequence[str], execution: str) -> Claim | None:
        """The job that a call has started whose reply was not read, if there is one. Raises RedisUnavailable."""
        at = time.time()
        with translate_errors():
            found = self._line.call(script("claim"), _names(lists), [*self._call(execution, at), 1])
        return self._taken(found, execution, at)

    def _call(self, execution: str, at: float) -> list[Value]:
        return [execution, self._worker, rq_time(at), LEASE]

    @property
    def next_task(self) -> str | None:
        """The task of the job that was prefetched next; None when there is none, or it must not start unseen."""
        if not self._prefetched or self._prefetched[0][2][_UNIQUE]:
            return None
        task: bytes | None = self._prefetched[0][2][_TASK]
        return (task or b"").decode("utf-8", "replace")

    def begin(self, at: float) -> Claim:
        """The next prefetched job: it starts without a call, and is settled together with the one before it."""
        return _claim(self._prefetched.popleft(), self.new_execution(), at, self.batch)

    def settle(
        self, claim: Claim, ending: Ending, *, at: float, peak_kb: int, queues: Sequence[str], execution: str
    ) -> Settled:
        """End one attempt and start the next job of these queues (none: start nothing). Raises RedisUnavailable.

        `execution` is for the next attempt; `at` is unix seconds.
        """
        return self.settle_all([ended(claim, ending, at, peak_kb)], queues, at=at, then=Then(execution))

    def settle_all(self, attempts: Sequence[Ended], queues: Sequence[str], *, at: float, then: Then) -> Settled:
        """End attempts of one batch, of which all but the last are finished, and start the next job of these queues.

        Raises RedisUnavailable; then the same call may be made again.
        """
        *finished, last = attempts
        if finished and last.verb != "finish":
            before = self.settle_all(finished, (), at=at, then=Then(batch=then.batch, keep=True))
            settled = self.settle_all([last], queues, at=at, then=then)
            states, awaited = [*before.states, settled.state], [*before.awaited, *settled.awaited]
            return replace(settled, states=states, awaited=awaited)
        args = [*then.args(self._worker, at), *(part for attempt in attempts for part in attempt.args)]
        with translate_errors():
            reply = self._line.call(script(last.verb), _names(queues), args)
        following = None if then.keep else self._taken(reply[1], then.execution, at)
        return Settled([State(state) for state in reply[0]], following, [name.decode() for name in reply[2]])

    def _taken(self, found: Any, execution: str, at: float) -> Claim | None:
        """The job that was started; those that were prefetched with it are kept for `begin`."""
        *first, prefetched = found or [[]]
        self._prefetched = deque(prefetched)
        self.batch = execution if prefetched else ""
        return _claim(first, execution, at) if first else None


def _names(queues: Sequence[str]) -> list[Value]:
    return [keys.queue(name) for name in queues]


def _claim(found: Sequence[Any], execution: str, at: float, batch: str = "") -> Claim:
    job_id, queue, values = found
    record = {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
    return Claim(job_id.decode(), queue.decode(), execution, at, record, batch)
