"""Clocks behind one face: how each is started, and which of its ticks it has fired.

A clock is a module with `COPIES` (how many processes its users run), `command(folder)` (one of them) and `fired(redis)`
(every tick that was enqueued, as the schedule's name and the minute since 1970). Each reads REDIS_URL and
BENCH_SCHEDULES, the number of its schedules, all of which fire every minute.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import cast

from redis import Redis

NAMES = ("nightshift", "apscheduler_store", "rq_cron", "celery_beat")
Tick = tuple[str, int]


def load(name: str) -> ModuleType:
    """The module of a clock; ImportError when its library is not installed."""
    return importlib.import_module(f"bench.clocks.{name}")


def items(redis: Redis, key: str) -> list[str]:
    """A list, as text."""
    return [item.decode() for item in cast("list[bytes]", redis.lrange(key, 0, -1))]
