"""dramatiq: one process with four threads, results kept, prefetch tuned."""

from __future__ import annotations

import os
import sys
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from redis import Redis

from bench import actions

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
os.environ.setdefault("dramatiq_queue_prefetch", "64")
WORKER = [sys.executable, "-m", "dramatiq", "bench.peers.dramatiq_threads", "--processes", "1", "--threads", "4"]

broker = RedisBroker(url=URL)
broker.add_middleware(Results(backend=RedisBackend(url=URL), store_results=True))
dramatiq.set_broker(broker)


@dramatiq.actor  # type: ignore[untyped-decorator, unused-ignore]
def noop(payload: dict[str, int]) -> dict[str, int]:
    return payload


@dramatiq.actor  # type: ignore[untyped-decorator, unused-ignore]
def act(action: str, value: float) -> float:
    return actions.perform(action, value)


def enqueue(count: int, action: str = "", value: float = 0) -> None:
    """Enqueue empty jobs, or jobs that do something of bench/actions.py."""
    for number in range(count):
        act.send(action, value + number) if action else noop.send({"number": number})


def left(redis: Redis) -> int:
    """Messages that are not acknowledged, waiting ones included."""
    messages: Any = redis.hlen("dramatiq:default.msgs")
    return int(messages)
