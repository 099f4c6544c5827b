"""Hold on to a finished job's ending while Redis is away: the work is done, and must not be done again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from jobs import logs
from jobs.errors import RedisUnavailable

LONGEST_BACKOFF = 5.0
GIVE_UP_AFTER = 600.0

log = logs.get_logger(__name__)
T = TypeVar("T")


def patiently(call: Callable[[], T]) -> T:
    """Call until Redis answers, for up to ten minutes; raises RedisUnavailable after that."""
    give_up_at, delay = time.monotonic() + GIVE_UP_AFTER, 0.1
    while True:
        try:
            return call()
        except RedisUnavailable as error:
            if time.monotonic() > give_up_at:
                raise
            log.warning("Redis is unavailable; the result is kept", error=str(error))
            time.sleep(delay)
            delay = min(LONGEST_BACKOFF, delay * 2)
