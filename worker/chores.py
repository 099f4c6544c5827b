"""What a supervisor does for Redis by the clock: heartbeats, promoting, reaping. An outage delays it, never ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.exceptions import ResponseError

from jobs import logs
from jobs.errors import RedisUnavailable

LONGEST_BACKOFF = 5.0
PAUSE_AFTER_FAILURE = 5.0

log = logs.get_logger(__name__)


@dataclass(slots=True)
class Chore:
    """Something to do every so many seconds."""

    interval: float
    work: Callable[[], None]
    due: float = 0.0


class Chores:
    """Runs what is due, in order; after an error all of them wait, a little longer each time."""

    def __init__(self, *chores: Chore) -> None:
        self._chores = chores
        self._failures = 0
        self._resting_until = 0.0

    def run(self, now: float) -> None:
        """Do what is due; `now` is on the monotonic clock."""
        if now < self._resting_until:
            return
        try:
            for chore in self._chores:
                if now >= chore.due:
                    chore.due = now + _do(chore)
        except RedisUnavailable as error:
            self._rest(error)
        else:
            self._recovered()

    def _rest(self, error: RedisUnavailable) -> None:
        self._failures += 1
        delay = min(LONGEST_BACKOFF, 0.1 * 2**self._failures)
        log.warning("Redis is unavailable", error=str(error), again_in=delay)
        self._resting_until = time.monotonic() + delay

    def _recovered(self) -> None:
        if self._failures:
            log.info("Redis is back")
            self._failures = 0


def _do(chore: Chore) -> float:
    """Do it and say in how many seconds again; what the server refuses must not keep the other chores from it."""
    try:
        chore.work()
    except ResponseError:
        log.exception("A chore failed", chore=chore.work.__qualname__)
        return max(chore.interval, PAUSE_AFTER_FAILURE)
    return chore.interval
