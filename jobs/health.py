"""Whether work is moving: more than that the processes are up."""

from __future__ import annotations

from datetime import datetime, timedelta

from . import monitor
from .errors import RedisUnavailable
from .schedules import clock_status

FRESH = timedelta(seconds=30)


def checks(now: datetime) -> dict[str, bool]:
    """Redis answers, a worker has a fresh heartbeat, the clock keeps up; all False when Redis does not answer."""
    try:
        return {"redis": True, "workers": workers_alive(now), "clock": clock_alive()}
    except RedisUnavailable:
        return {"redis": False, "workers": False, "clock": False}


def workers_alive(now: datetime) -> bool:
    """Whether some worker has said lately that it lives."""
    beats = [worker.heartbeat for worker in monitor.workers()]
    return any(beat is not None and now - beat < FRESH for beat in beats)


def clock_alive() -> bool:
    """Whether a clock holds the lease, which runs out a few seconds after its last word, and no tick is overdue."""
    return clock_status().ok
