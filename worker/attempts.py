"""Run one claimed job in this process, so that it can be left at any moment."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType, TracebackType

from jobs import tracing
from jobs.connection import Client
from jobs.context import JobContext, RedisNotes
from jobs.records import Job
from jobs.running import Quarantined, describe, execute, too_new
from jobs.settings import Settings
from jobs.verbs import Claim, Ending

from .coroutines import position, running_loop
from .endings import JobInterrupted, ending_of, failure, interruption
from .slots import Run, Slot, Verdict

INTERRUPT = signal.SIGUSR1


class Attempts:
    """The attempts of one horse, one after the other; its slot tells the supervisor of each."""

    def __init__(self, slot: Slot, client: Client, settings: Settings) -> None:
        self._slot, self._client, self._settings = slot, client, settings
        self._running: Run | None = None
        self._asked: Run | None = None
        self._left: Run | None = None
        self.number = 0

    def listen(self) -> None:
        """Heed the supervisor's signal from now on."""
        signal.signal(INTERRUPT, self._on_interrupt)
        sys.unraisablehook = partial(self._on_lost, sys.unraisablehook)

    def _on_interrupt(self, _: int, __: FrameType | None) -> None:
        """Leave the task, if it is still the run that the supervisor judged; the signal comes again while it runs.

        An event loop is asked to raise the exception itself, between two steps of its tasks: raised by the signal, it
        may come when a step has left the queue and has not begun, and the loop then waits for that task for ever. One
        that has not done so by the next signal is blocked by a task's synchronous code; there it may be raised.
        """
        run = self._running
        if run is None or self._slot.verdict(run.number) is Verdict.NONE:
            return
        if run is not self._asked and (loop := running_loop()):
            self._asked = run
            loop.call_soon_threadsafe(lambda: self._leave(run, position()))
        else:
            self._leave(run)

    def _leave(self, run: Run, trace: TracebackType | None = None) -> None:
        """Raise once for each run: what it does then is its clean-up, which has all the time until it is killed.

        So have coroutines: on its way out, asyncio.run cancels them and waits for them.
        """
        if run is self._running and run is not self._left:
            self._left = run
            raise interruption(self._slot.verdict(run.number), run.timeout).with_traceback(trace)

    def _on_lost(self, report: Callable[[sys.UnraisableHookArgs], object], lost: sys.UnraisableHookArgs) -> None:
        """What is raised in a `__del__` or a callback of weakref reaches nobody: let the next signal raise again."""
        if isinstance(lost.exc_value, JobInterrupted):
            self._left = None
        else:
            report(lost)

    def run(self, claim: Claim) -> Ending:
        """How the job's task ended. No record and no task can make this raise."""
        self.number += 1
        try:
            if put_off := too_new(claim.record):
                return put_off
            job = claim.job()
            context = self._context(claim, job)
        except Exception as error:
            return Quarantined(f"the record cannot be read: {error}")
        with tracing.attempt(job) as tell:
            ending = self._ended(claim, job, context)
            tell(tracing.Result(type(ending).__name__.lower(), getattr(ending, "error", None)))
        return ending

    def _ended(self, claim: Claim, job: Job, context: JobContext) -> Ending:
        try:
            return self._interruptible(claim, job, context)
        except JobInterrupted as interrupted:
            return ending_of(interrupted, job)

    def _context(self, claim: Claim, job: Job) -> JobContext:
        notes = RedisNotes(job.id, claim.execution, self._client, self._settings, claim.batch)
        saved = claim.record.get(b"checkpoint")
        return JobContext(job, notes, state=json.loads(saved) if saved else None)

    def _interruptible(self, claim: Claim, job: Job, context: JobContext) -> Ending:
        run = self._running = self._begin(claim, job)
        self._slot.begin(run)
        try:
            return execute(job.task, job.args, context)
        except JobInterrupted:
            raise
        except BaseException as error:  # sys.exit() in a task, a cancelled coroutine
            self._running = None
            return failure(describe(error), job, RuntimeError(str(error)))
        finally:
            self._running = None

    def _begin(self, claim: Claim, job: Job) -> Run:
        fence = (job.id, claim.execution, claim.queue)
        return Run(self.number, time.monotonic(), job.timeout, job.attempt, *fence, job.task)
