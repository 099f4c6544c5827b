"""Limits of time that hold against any task: first the task is interrupted, then its whole process group is killed."""

from __future__ import annotations

from .slots import Run, Verdict
from .team import Process, Team

INSIST_AFTER = 1.0  # seconds until a task is interrupted once more that did not notice
KILL_AFTER = 2.0  # seconds that a task has to end after it was interrupted


class Deadlines:
    """Enforces the timeouts of jobs, and the grace of a shutdown; times are on the monotonic clock."""

    def __init__(self, team: Team, grace: float) -> None:
        self._team = team
        self._grace = grace

    def enforce(self, now: float, stop_asked_at: float | None) -> None:
        """Interrupt what is over its time, and kill what did not heed an interruption.

        The two seconds count from the limit, not from now: a call to a Redis that hangs may have kept us from looking.
        """
        shutdown = None if stop_asked_at is None else stop_asked_at + self._grace
        for process, run in self._team.runs():
            if process.verdict_on(run) is not Verdict.NONE:
                _press(process, now - process.judged_at)
            elif limit := _passed(run, now, shutdown):
                process.judge(run, *limit)
        if shutdown is not None and now > shutdown + KILL_AFTER:
            self._kill_all(now)

    def _kill_all(self, now: float) -> None:
        """Also those that are between two jobs, or wait for Redis with a result: what they hold did not crash."""
        for process, run in self._team.runs():
            process.judge(run, Verdict.SHUTDOWN, now)
        for process in self._team.processes:
            process.kill()


def _press(process: Process, waited: float) -> None:
    """The signal is cheap, and a horse that is leaving its task already does not heed it."""
    if waited > KILL_AFTER:
        process.kill()
    elif waited > INSIST_AFTER:
        process.interrupt()


def _passed(run: Run, now: float, shutdown: float | None) -> tuple[Verdict, float] | None:
    """The limit that a run has passed, and when."""
    deadline = run.started + run.timeout
    if run.settling:
        return None
    if now > deadline:
        return Verdict.TIMEOUT, deadline
    return (Verdict.SHUTDOWN, shutdown) if shutdown is not None and now > shutdown else None
