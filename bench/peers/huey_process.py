"""huey: one worker process, results kept. It takes a job off its list before it is run: a kill loses it."""

from __future__ import annotations

import os
import sys
from typing import Any

from huey import RedisHuey
from redis import Redis

from bench import actions

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
WORKER = [
    *(sys.executable, "-m", "huey.bin.huey_consumer", "bench.peers.huey_process.huey"),
    *("--workers", "1", "--worker-type", "process", "--no-periodic", "--quiet"),
]

huey = RedisHuey("bench", url=URL)


@huey.task()  # type: ignore[untyped-decorator, unused-ignore]
def noop(payload: dict[str, int]) -> dict[str, int]:
    return payload


@huey.task()  # type: ignore[untyped-decorator, unused-ignore]
def act(action: str, value: float) -> float:
    return actions.perform(action, value)


def enqueue(count: int, action: str = "", value: float = 0) -> None:
    """Enqueue empty jobs, or jobs that do something of bench/actions.py."""
    for number in range(count):
        act(action, value + number) if action else noop({"number": number})


def left(redis: Redis) -> int:
    """Jobs that wait; those that run are not seen, one at most."""
    waiting: Any = redis.llen("huey.redis.bench")
    return int(waiting)
