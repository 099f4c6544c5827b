"""The floor: the least a safe worker in Python on redis-py can do. Two round trips a job, no features."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, cast

from redis import Redis

from bench import actions

WORKER = [sys.executable, "-m", "bench.peers.floor"]


def act(action: str, value: float) -> float:
    return actions.perform(action, value)


def enqueue(count: int, action: str = "", value: float = 0) -> None:
    """Enqueue empty jobs, or jobs that do something of bench/actions.py."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    for number in range(count):
        redis.lpush(
            "floor", json.dumps({"id": number, "action": action, "value": value + number, "args": {"number": number}})
        )


def left(redis: Redis) -> int:
    """Jobs that wait or run."""
    waiting: Any = redis.llen("floor")
    running: Any = redis.llen("floor:running")
    return int(waiting + running)


def work() -> None:
    """Move, run, save the result and remove: until killed."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    while True:
        if raw := cast("bytes | None", redis.blmove("floor", "floor:running", 1, "RIGHT", "LEFT")):
            job = json.loads(raw)
            result = act(job["action"], job["value"]) if job["action"] else job["args"]
            with redis.pipeline() as pipe:
                pipe.set(f"floor:result:{job['id']}", json.dumps(result), ex=500)
                pipe.lrem("floor:running", 1, raw.decode())
                pipe.execute()


if __name__ == "__main__":
    work()
