"""The clock process: APScheduler keeps time here, the scripts of `jobs.schedules` decide what that means.

It enqueues and never works. Any number of clocks may run: one leads, the others stand by.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.base import BaseTrigger

from jobs import tracing
from jobs.connection import connect
from jobs.errors import NightshiftError
from jobs.logs import configure_logging
from jobs.schedules.clockwork import Clockwork
from jobs.settings import current_settings, serve_nobody

LONGEST_WAIT = 0.25  # seconds: bounds how late a stop, a hand-over or a new schedule is noticed


class After(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fires again after a number of seconds, counted from the end of the last run.

    APScheduler's own interval lists every moment it has missed, which after a leap of the system's clock never ends.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """The next moment."""
        return datetime.now(UTC) + timedelta(seconds=self._seconds())


class SteadyScheduler(BlockingScheduler):  # type: ignore[misc]
    """A BlockingScheduler that stops between two rounds, and that a leap of the system's clock cannot hold up."""

    stopping = False
    _ahead = time.time() - time.monotonic()

    def stop(self, *_: object) -> None:
        """Stop after the job that is running. Only a flag: `shutdown` in a signal handler can block for ever."""
        self.stopping = True

    def _process_jobs(self) -> float:
        if self.stopping:
            self.shutdown(wait=False)
            return 0.0
        if self._clock_leapt():
            for job in self.get_jobs():
                job.modify(next_run_time=datetime.now(UTC))
        wait = super()._process_jobs()
        return LONGEST_WAIT if wait is None else min(wait, LONGEST_WAIT)

    def _clock_leapt(self) -> bool:
        before, self._ahead = self._ahead, time.time() - time.monotonic()
        return abs(self._ahead - before) > LONGEST_WAIT


def scheduler_of(clockwork: Clockwork) -> SteadyScheduler:
    """The scheduler and its jobs; they run in its own thread, one after the other."""
    scheduler = SteadyScheduler(executors={"default": DebugExecutor()}, timezone=UTC)
    options: dict[str, Any] = {"coalesce": True, "misfire_grace_time": None, "next_run_time": datetime.now(UTC)}
    scheduler.add_job(clockwork.lead, After(lambda: clockwork.pace), **options)
    scheduler.add_job(clockwork.decide, After(lambda: clockwork.seconds_to_next(LONGEST_WAIT)), **options)
    scheduler.add_job(clockwork.promote, After(lambda: 0.5), **options)
    scheduler.add_job(clockwork.reap, After(lambda: 3.0), **options)
    scheduler.add_job(clockwork.drop_jobs, After(lambda: 2.0), **options)
    scheduler.add_job(clockwork.trim, After(lambda: 30.0), **options)
    scheduler.add_job(clockwork.count, After(lambda: 10.0), **options)
    scheduler.add_job(clockwork.settle, After(lambda: 1.0), **options)
    scheduler.add_job(clockwork.tell, After(lambda: 1.0), **options)
    return scheduler


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    argparse.ArgumentParser(
        prog="python clock.py", description="Enqueue what schedules say; it takes no options."
    ).parse_args()
    serve_nobody()
    settings = current_settings()
    configure_logging(settings, "clock")
    tracing.start(settings, "clock")
    import tasks  # noqa: F401 - only now, so that what it logs has a place to go

    clockwork = Clockwork(connect(settings), settings)
    scheduler = scheduler_of(clockwork)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, scheduler.stop)
    clockwork.start()
    scheduler.start()
    clockwork.end()


if __name__ == "__main__":
    try:
        main()
    except NightshiftError as error:
        sys.exit(str(error))
