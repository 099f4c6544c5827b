"""A horse: a process forked once that runs job after job and serves itself.

It claims and settles over its own connection, one round trip for each job; the supervisor only watches.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

from jobs import logs
from jobs.claims import Claim, Claims, Ending, Interrupted, Settled, State
from jobs.connection import Client, translate_errors
from jobs.context import JobContext, RedisNotes
from jobs.errors import RedisUnavailable
from jobs.records import Job
from jobs.running import AttemptError, Finished, Quarantined, describe, execute
from jobs.settings import Settings

from .dependents import release_dependents
from .endings import JobInterrupted, ending_of, failure, interruption
from .memory import Memory, peak_kb
from .slots import Board, Run, Slot, Verdict

INTERRUPT = signal.SIGUSR1
LOOK_INTERVAL = 1  # seconds: jobs put there by plain RQ leave no token to wake us
LONGEST_BACKOFF = 5.0
KEEP_RESULT_FOR = 600.0
MOST_JOBS = 20_000
MOST_GROWTH_KB = 256 * 1024

log = logs.get_logger(__name__)
T = TypeVar("T")


class _Woken(BaseException):
    """Leaves the wait for work when a signal says that there will be none."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What a horse is told when it is born."""

    worker: str
    queues: Sequence[str]
    burst: bool


class Horse:
    """Runs jobs until the supervisor, a signal or its own age says stop."""

    def __init__(self, duty: Duty, board: Board, slot: Slot, client: Client, settings: Settings) -> None:
        self._duty, self._board, self._slot = duty, board, slot
        self._client, self._settings = client, settings
        self._claims = Claims(client, duty.worker)
        self._execution = self._claims.new_execution()
        self._pid = os.getpid()
        self._supervisor = os.getppid()
        self._memory = Memory()
        self._runs = 0
        self._running: Run | None = None
        self._waiting = False
        self._told_to_stop = False

    def run(self) -> None:
        """Work until told otherwise; a job that was claimed meanwhile goes back."""
        self._listen()
        claim: Claim | None = None
        while claim or self._wanted():
            claim = self._work(claim) if claim else self._look()

    def _listen(self) -> None:
        signal.signal(INTERRUPT, self._on_interrupt)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)

    def _on_stop(self, _: int, __: FrameType | None) -> None:
        self._told_to_stop = True
        if self._waiting:
            self._waiting = False
            raise _Woken

    def _on_interrupt(self, _: int, __: FrameType | None) -> None:
        """Leave the task, if it is still the run that the supervisor judged; at most once for each run."""
        run = self._running
        if run and (verdict := self._slot.verdict(run.number)) is not Verdict.NONE:
            self._running = None
            raise interruption(verdict, run.timeout)

    def _wanted(self) -> bool:
        orphaned = os.getppid() != self._supervisor
        return not (self._board.stopping or self._told_to_stop or orphaned or self._worn())

    def _worn(self) -> bool:
        """Leaks of tasks stay bounded when no process lives for ever."""
        return self._runs >= MOST_JOBS or self._memory.grown_kb > MOST_GROWTH_KB

    def _queues(self) -> Sequence[str]:
        """Where to take the next job from; nowhere when it could not be run."""
        if self._board.suspended or not self._wanted():
            return ()
        if not (paused := self._board.paused):
            return self._duty.queues
        return [name for bit, name in enumerate(self._duty.queues) if not paused >> bit & 1]

    def _look(self) -> Claim | None:
        """The next job; waits a moment for one when there is none."""
        try:
            queues = self._queues()
            claim = self._claims.claim(queues, self._execution, time.time()) if queues else None
            if claim is None:
                self._wait(queues)
            return self._claimed(claim)
        except _Woken:
            return None
        except RedisUnavailable as error:
            log.warning("Redis is unavailable", error=str(error))
            time.sleep(LOOK_INTERVAL)
            return None

    def _claimed(self, claim: Claim | None) -> Claim | None:
        """An execution id is used for one job; until it is, the same one makes a repeated call harmless."""
        if claim:
            self._execution = self._claims.new_execution()
        return claim

    def _wait(self, queues: Sequence[str]) -> None:
        """Sleep until a job is put in one of these queues, but not for long."""
        if self._duty.burst:
            self._told_to_stop = True
        elif queues:
            self._pause_on(lambda: self._client.blpop([f"ns:wake:{name}" for name in queues], timeout=LOOK_INTERVAL))
        else:
            self._pause(LOOK_INTERVAL / 5)

    def _pause(self, seconds: float) -> None:
        self._pause_on(lambda: time.sleep(seconds))

    def _pause_on(self, wait: Callable[[], Any]) -> None:
        try:
            self._waiting = True
            with translate_errors():
                wait()
        finally:
            self._waiting = False

    def _work(self, claim: Claim) -> Claim | None:
        """Run a job, settle it and take the next one."""
        began = time.monotonic()
        ending = self._attempt(claim) if self._wanted() else Interrupted("the worker is shutting down")
        if os.getpid() != self._pid:
            os._exit(0)  # a child that the task forked came back here; the job is its parent's
        self._slot.settling()
        settled = self._settle(claim, ending)
        if settled.next is None:
            self._slot.end()
        self._report(claim, ending, settled, time.monotonic() - began)
        return self._claimed(settled.next)

    def _attempt(self, claim: Claim) -> Ending:
        """How the job's task ended. No record and no task can make this raise."""
        self._runs += 1
        self._memory.begin()
        try:
            job = claim.job()
            context = self._context(claim, job)
        except Exception as error:
            return Quarantined(f"the record cannot be read: {error}")
        logs.bind(job_id=job.id, task=job.task, attempt=job.attempt)
        try:
            return self._interruptible(claim, job, context)
        except JobInterrupted as interrupted:
            return ending_of(interrupted, job)
        finally:
            logs.unbind("job_id", "task", "attempt")

    def _context(self, claim: Claim, job: Job) -> JobContext:
        notes = RedisNotes(job.id, claim.execution, self._client, self._settings)
        saved = claim.record.get(b"checkpoint")
        return JobContext(job, notes, state=json.loads(saved) if saved else None)

    def _interruptible(self, claim: Claim, job: Job, context: JobContext) -> Ending:
        run = Run(
            self._runs, time.monotonic(), job.timeout, job.attempt, job.id, claim.execution, claim.queue, job.task
        )
        self._slot.begin(run)
        self._running = run
        try:
            return execute(job.task, job.args, context)
        except JobInterrupted:
            raise
        except BaseException as error:  # sys.exit() in a task, a cancelled coroutine
            self._running = None
            return failure(describe(error), job, RuntimeError(str(error)))
        finally:
            self._running = None

    def _settle(self, claim: Claim, ending: Ending) -> Settled:
        """Save how a job ended, through an outage of Redis if need be: the work is done, it must not be done again."""
        at, peak, queues = time.time(), peak_kb(), self._queues()
        execution = self._execution
        return _patiently(
            lambda: self._claims.settle(claim, ending, at=at, peak_kb=peak, queues=queues, execution=execution)
        )

    def _report(self, claim: Claim, ending: Ending, settled: Settled, seconds: float) -> None:
        finished = isinstance(ending, Finished)
        self._slot.tally(finished=finished, failed=not finished, busy=seconds)
        if settled.state is State.STALE:
            log.warning("Result not applied: the job was given to another worker meanwhile", job_id=claim.job_id)
        if settled.dependents:
            release_dependents(self._client, claim.job_id)
        log_ending(claim, ending, seconds)


def log_ending(claim: Claim, ending: Ending, seconds: float) -> None:
    """One line for each attempt."""
    level = logging.INFO if isinstance(ending, Finished) else logging.WARNING
    if not logging.getLogger(__name__).isEnabledFor(level):
        return  # building and dropping the line would cost more than running an empty job
    fields: dict[str, Any] = {"job_id": claim.job_id, "task": claim.text(b"task"), "attempt": claim.attempt}
    fields["seconds"] = round(seconds, 3)
    error = getattr(ending, "error", None)
    if isinstance(error, AttemptError):
        fields["error"] = f"{error.type}: {error.message}"
    fields |= {name: getattr(ending, name) for name in ("delay", "reason") if hasattr(ending, name)}
    event = f"Job {type(ending).__name__.lower()}"
    log.log(level, event, **fields)


def _patiently(call: Callable[[], T]) -> T:
    """Call until Redis answers, for up to ten minutes; raises RedisUnavailable after that."""
    give_up_at, delay = time.monotonic() + KEEP_RESULT_FOR, 0.1
    while True:
        try:
            return call()
        except RedisUnavailable as error:
            if time.monotonic() > give_up_at:
                raise
            log.warning("Redis is unavailable; the result is kept", error=str(error))
            time.sleep(delay)
            delay = min(LONGEST_BACKOFF, delay * 2)
