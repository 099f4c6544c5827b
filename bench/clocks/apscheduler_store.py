"""APScheduler 3 with its own Redis job store, in two processes that share it; its jobs note that they were fired."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from apscheduler.jobstores.redis import RedisJobStore
from apscheduler.schedulers.blocking import BlockingScheduler
from redis import Redis

from bench.clocks import Tick, items

COPIES = 2


def command(folder: Path) -> list[str]:
    """One scheduler."""
    return [sys.executable, "-m", "bench.clocks.apscheduler_store"]


def fire(name: str) -> None:
    """What stands for an enqueue."""
    with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        redis.rpush("fired", f"{name} {time.time()}")


def fired(redis: Redis) -> list[Tick]:
    """As noted."""
    noted = [entry.split() for entry in items(redis, "fired")]
    return [(name, int(float(at)) // 60) for name, at in noted]


def main() -> None:
    """As its documentation shows it: add every job at start, replacing what the store has of it."""
    address = urlsplit(os.environ["REDIS_URL"])
    scheduler = BlockingScheduler(timezone="UTC")
    scheduler.add_jobstore(RedisJobStore(host=address.hostname, port=address.port))
    for number in range(int(os.environ["BENCH_SCHEDULES"])):
        name = f"s{number}"
        scheduler.add_job(
            "bench.clocks.apscheduler_store:fire", "cron", minute="*", args=[name], id=name,
            replace_existing=True, misfire_grace_time=None, coalesce=True,
        )  # fmt: skip
    scheduler.start()


if __name__ == "__main__":
    main()
