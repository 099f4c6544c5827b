"""What becomes of a run that did not end by itself."""

from __future__ import annotations

import signal

from jobs import registry
from jobs.errors import UnknownTask
from jobs.records import Job
from jobs.running import AttemptError, Failed, Retrying, describe, scrubbed
from jobs.verbs import Canceled, Ending, Interrupted, Stopped

from .slots import Verdict


class JobInterrupted(KeyboardInterrupt):
    """Raised inside a task that must end; not an Exception, so that `except Exception` does not swallow it.

    A KeyboardInterrupt, because asyncio lets only that pass wherever its loop is: of any other exception that meets the
    loop between two coroutines it makes a line of the log, and goes on.
    """

    def __init__(self, verdict: Verdict, message: str) -> None:
        super().__init__(message)
        self.verdict = verdict


class JobTimeout(JobInterrupted):
    """The task ran longer than it may."""


def interruption(verdict: Verdict, timeout: float) -> JobInterrupted:
    """The exception that ends a task for this verdict."""
    if verdict is Verdict.TIMEOUT:
        return JobTimeout(verdict, f"ran longer than {timeout:g} s")
    return JobInterrupted(verdict, _REASONS[verdict])


def ending_of(error: JobInterrupted, job: Job) -> Ending:
    """How a run ends that was left by this exception, or killed when it could not be left."""
    if error.verdict is Verdict.TIMEOUT:
        return failure(describe(error), job, TimeoutError(str(error)))
    if error.verdict is Verdict.STOPPED:
        return Stopped(str(error))
    if error.verdict is Verdict.CANCELED:
        return Canceled(str(error))
    return Interrupted(str(error))


def failure(error: AttemptError, job: Job, kind: Exception) -> Ending:
    """Another attempt or none, by the task's rule for exceptions of this kind."""
    described = scrubbed(error, job)
    try:
        retry = registry.find(job.task).retry
    except UnknownTask:
        return Failed(described)
    if job.attempt < job.max_attempts and retry.wants(kind):
        return Retrying(retry.delay(job.attempt), described)
    return Failed(described)


def cause_of_death(status: int, peak_kb: int, *, by_us: bool = False) -> str:
    """How a horse died, for a person: `status` is what waitpid gave; `by_us` when its supervisor killed it."""
    peak = f", peak {peak_kb // 1024} MB" if peak_kb else ""
    if code := status >> 8:
        return f"the process exited with code {code}{peak}"
    number = status & 0x7F
    if not number:
        return f"the process ended itself{peak}"
    name = signal.Signals(number).name if number in signal.valid_signals() else "?"
    hint = ", by its worker" if by_us else ", probably out of memory" if number == signal.SIGKILL else ""
    return f"killed by signal {number} ({name}){peak}{hint}"


_REASONS = {
    Verdict.SHUTDOWN: "the worker is shutting down",
    Verdict.STOPPED: "stopped by hand",
    Verdict.CANCELED: "canceled while it ran",
    Verdict.LOST: "another worker has taken the job over",
}
