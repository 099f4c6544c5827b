"""Nightshift: one supervisor, one warm horse."""

from __future__ import annotations

import sys
from typing import Any

from redis import Redis

from bench import actions
from jobs import enqueue as submit
from jobs import task

WORKER = [sys.executable, "-m", "worker", "--tasks", "bench.peers.nightshift", "--horses", "1"]


@task(name="bench.noop")
def noop(payload: dict[str, int]) -> dict[str, int]:
    return payload


@task(name="bench.act")
def act(action: str, value: float) -> float:
    return actions.perform(action, value)


def enqueue(count: int, action: str = "", value: float = 0) -> None:
    """Enqueue empty jobs, or jobs that do something of bench/actions.py."""
    for number in range(count):
        submit(act, action, value + number) if action else submit(noop, {"number": number})


def left(redis: Redis) -> int:
    """Jobs that wait or run."""
    waiting: Any = redis.llen("rq:queue:default")
    running: Any = redis.zcard("rq:wip:default")
    return int(waiting + running)
