"""RQ's default worker: a fork for each job."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

from redis import Redis
from rq import Queue

from bench import actions

WORKER = [sys.executable, "-m", "rq.cli", "worker", "--url", os.environ.get("REDIS_URL", ""), "--quiet", "default"]


def noop(payload: dict[str, int]) -> dict[str, int]:
    return payload


def act(action: str, value: float) -> float:
    return actions.perform(action, value)


@cache
def queue() -> Queue:
    """The queue that the worker serves."""
    return Queue("default", connection=Redis.from_url(os.environ["REDIS_URL"]))


def enqueue(count: int, action: str = "", value: float = 0) -> None:
    """Enqueue empty jobs, or jobs that do something of bench/actions.py."""
    for number in range(count):
        queue().enqueue(act, action, value + number) if action else queue().enqueue(noop, {"number": number})


def left(redis: Redis) -> int:
    """Jobs that wait or run."""
    waiting: Any = redis.llen("rq:queue:default")
    running: Any = redis.zcard("rq:wip:default")
    return int(waiting + running)
