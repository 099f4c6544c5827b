"""A horse: a process forked once that runs job after job and serves itself.

It claims and settles over its own connection, one round trip for each job; the supervisor only watches.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

from jobs import logs
from jobs.claims import Claims, Settled, State
from jobs.connection import Client
from jobs.errors import RedisUnavailable
from jobs.priorities import RANKED, arranged, name_of
from jobs.running import Finished
from jobs.settings import Settings
from jobs.verbs import Claim, Ended, Interrupted, Then, ended

from .attempts import Attempts
from .dependents import release_dependents
from .memory import Memory, peak_kb
from .pace import LONGEST, Pace
from .patience import patiently
from .reporting import report
from .slots import Board, Slot

LOOK_INTERVAL = 1  # seconds: jobs put there by plain RQ leave no token to wake us
MOST_JOBS = 20_000
MOST_GROWTH_KB = 256 * 1024

Waited = TypeVar("Waited")

log = logs.get_logger(__name__)


class _Woken(BaseException):
    """Leaves the wait for work when a signal says that there will be none."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What a horse is told when it is born."""

    worker: str
    queues: Sequence[str]
    burst: bool


@dataclass(frozen=True, slots=True)
class Done:
    """An attempt that has ended, and how long it took."""

    attempt: Ended
    seconds: float


class Horse:
    """Runs jobs until the supervisor, a signal or its own age says stop."""

    def __init__(self, duty: Duty, board: Board, slot: Slot, client: Client, settings: Settings) -> None:
        self._duty, self._board, self._slot = duty, board, slot
        self._client = client
        self._claims = Claims(client, duty.worker)
        self._execution = self._claims.new_execution()
        self._attempts = Attempts(slot, client, settings)
        self._memory = Memory()
        self._pace = Pace(settings.prefetch)
        self._open: list[Done] = []  # attempts that have ended, and are settled together
        self._pid, self._supervisor = os.getpid(), os.getppid()
        self._ranked = {name_of(queue, priority) for queue in duty.queues for priority in RANKED}
        self._turn = 0
        self._waiting = self._told_to_stop = False
        self._empty: Sequence[str] = ()  # queues in which nothing was waiting a moment ago

    def run(self) -> None:
        """Work until told otherwise; a job that was claimed meanwhile goes back."""
        self._attempts.listen()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        claim: Claim | None = None
        while claim or self._wanted():
            claim = self._work(claim) if claim else self._look()

    def _on_stop(self, _: int, __: FrameType | None) -> None:
        self._told_to_stop = True
        if self._waiting:
            self._waiting = False
            raise _Woken

    def _wanted(self) -> bool:
        orphaned = os.getppid() != self._supervisor
        return not (self._board.stopping or self._told_to_stop or orphaned or self._worn())

    def _worn(self) -> bool:
        """Leaks of tasks stay bounded when no process lives for ever."""
        if self._duty.burst:
            return False  # it ends anyway, and nobody would replace it while jobs are left
        return self._attempts.number >= MOST_JOBS or self._memory.grown_kb > MOST_GROWTH_KB

    def _may_take(self) -> bool:
        return not self._board.suspended and self._wanted()

    def _queues(self) -> Sequence[str]:
        """Where to take the next job from; nowhere when it could not be run."""
        if not self._may_take():
            return ()
        if not (paused := self._board.paused):
            return self._duty.queues
        return [name for bit, name in enumerate(self._duty.queues) if not paused >> bit & 1]

    def _lists(self) -> Sequence[str]:
        """Where the jobs of those queues wait: in one list each, unless the supervisor has seen other priorities."""
        queues, ranked = self._queues(), self._board.ranked
        if not any(ranked):
            return queues
        present = {
            name_of(name, priority)
            for priority, bits in zip(RANKED, ranked, strict=True)
            for bit, name in enumerate(self._duty.queues)
            if bits >> bit & 1
        }
        return self._arranged(queues, present)

    def _arranged(self, queues: Sequence[str], present: Collection[str]) -> Sequence[str]:
        self._turn += 1
        return arranged(queues, present, self._turn)

    def _look(self) -> Claim | None:
        """The next job; waits a moment for one when there was none."""
        queues = self._queues()
        lists = self._arranged(queues, self._ranked)
        try:
            return self._claimed(self._next(queues, lists))
        except _Woken:
            return self._claimed(self._left_behind(lists))
        except RedisUnavailable as error:
            self._empty = ()
            log.warning("Redis is unavailable", error=str(error))
            time.sleep(LOOK_INTERVAL)
            return None

    def _next(self, queues: Sequence[str], lists: Sequence[str]) -> Claim | None:
        if not queues:
            self._pause(LOOK_INTERVAL / 5)
            claim = None
        elif queues == self._empty:
            claim = self._wait(queues, lists)
        else:
            claim = self._claims.claim(lists, self._execution, time.time())
            self._told_to_stop = self._told_to_stop or (self._duty.burst and claim is None)
        self._empty = () if claim else queues
        return claim

    def _left_behind(self, lists: Sequence[str]) -> Claim | None:
        """What the server had started for us when a signal ended the wait: it goes back at once."""
        try:
            return self._claims.claimed(lists, self._execution) if lists else None
        except RedisUnavailable:
            return None  # its lease ends, and the reaper puts it back

    def _claimed(self, claim: Claim | None) -> Claim | None:
        """An execution id is used for one job; until it is, the same one makes a repeated call harmless."""
        if claim:
            self._execution = self._claims.new_execution()
        return claim

    def _wait(self, queues: Sequence[str], lists: Sequence[str]) -> Claim | None:
        """Sleep until a job is put in one of these queues, but not for long, and take it."""
        self._client.connection_pool.disconnect(inuse_connections=False)  # what pipelines of tasks have opened
        return self._until_woken(lambda: self._claims.claim_woken(queues, lists, self._execution, LOOK_INTERVAL))

    def _pause(self, seconds: float) -> None:
        self._until_woken(lambda: time.sleep(seconds))

    def _until_woken(self, wait: Callable[[], Waited]) -> Waited:
        try:
            self._waiting = True
            return wait()
        finally:
            self._waiting = False

    def _work(self, claim: Claim) -> Claim | None:
        """Run a job, and give the next one: prefetched, or claimed when this one is settled."""
        began = time.monotonic()
        self._memory.begin()
        ending = self._attempts.run(claim) if self._wanted() else Interrupted("the worker is shutting down")
        if os.getpid() != self._pid:
            os._exit(0)  # a child that the task forked came back here; the job is its parent's
        self._slot.settling()
        done = Done(ended(claim, ending, time.time(), peak_kb()), time.monotonic() - began)
        self._open.append(done)
        self._pace.note(claim.text(b"task"), done.seconds)
        return self._claims.begin(time.time()) if self._may_go_on(done) else self._claimed(self._settle())

    def _may_go_on(self, done: Done) -> bool:
        """Whether the next job is at hand, and so short that this one may wait for its end to be settled."""
        task, hand = self._claims.next_task, self._slot.hand
        return (
            task is not None
            and isinstance(done.attempt.ending, Finished)
            and self._pace.is_short(task)
            and time.monotonic() < hand.since + LONGEST
            and self._may_take()
            and hand.keep(done.attempt)
            and hand.go_on()
        )

    def _settle(self) -> Claim | None:
        """Settle what has ended, and take the next job."""
        attempts, at, lists = [done.attempt for done in self._open], time.time(), self._lists()
        then = Then(self._execution, self._pace.room, self._claims.batch)
        settled = patiently(lambda: self._claims.settle_all(attempts, lists, at=at, then=then))
        if then.batch or self._claims.batch:
            self._slot.hand.hold(self._claims.batch, time.monotonic())
        if settled.next is None:
            self._slot.end()
        self._conclude(settled)
        return settled.next

    def _conclude(self, settled: Settled) -> None:
        for done, state in zip(self._open, settled.states, strict=True):
            self._tell(done, state)
        for job_id in settled.awaited:
            release_dependents(self._client, job_id)
        self._open.clear()

    def _tell(self, done: Done, state: State) -> None:
        claim, ending = done.attempt.claim, done.attempt.ending
        finished = isinstance(ending, Finished)
        self._slot.tally(finished=finished, failed=not finished, busy=done.seconds)
        if state is State.STALE:
            log.warning("Result not applied: the job has ended or was given to another", job_id=claim.job_id)
        report(claim, ending, done.seconds)
