"""Celery: prefork, acknowledged late so that a killed worker loses nothing, results kept."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery
from redis import Redis

from bench import actions

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
WORKER = [
    *(sys.executable, "-m", "celery", "-A", "bench.peers.celery_prefork", "worker"),
    *("--pool", "prefork", "--concurrency", "1", "--loglevel", "ERROR", "--without-gossip", "--without-mingle"),
]

app = Celery("bench", broker=URL, backend=URL)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=64,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": int(os.environ.get("VISIBILITY_TIMEOUT", "3600"))},
)


@app.task(name="bench.noop")  # type: ignore[untyped-decorator, unused-ignore]
def noop(payload: dict[str, int]) -> dict[str, int]:
    return payload


@app.task(name="bench.act")  # type: ignore[untyped-decorator, unused-ignore]
def act(action: str, value: float) -> float:
    return actions.perform(action, value)


def enqueue(count: int, action: str = "", value: float = 0) -> None:
    """Enqueue empty jobs, or jobs that do something of bench/actions.py."""
    for number in range(count):
        act.delay(action, value + number) if action else noop.delay({"number": number})


def left(redis: Redis) -> int:
    """Jobs that wait, and those that were taken and not acknowledged."""
    waiting: Any = redis.llen("celery")
    taken: Any = redis.hlen("unacked")
    return int(waiting + taken)
