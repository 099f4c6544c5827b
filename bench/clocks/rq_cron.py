"""`rq cron`; one process, as it has no election. Its configuration is rq_cron_config.py."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import cast

from redis import Redis

from bench.clocks import Tick, items

COPIES = 1


def command(folder: Path) -> list[str]:
    """One scheduler."""
    return [
        str(Path(sys.executable).with_name("rq")),
        "cron",
        "bench.clocks.rq_cron_config",
        "--url",
        os.environ["REDIS_URL"],
    ]


def fire(name: str) -> None:
    """An empty job."""


def fired(redis: Redis) -> list[Tick]:
    """Each job says in its description what it was called with."""
    found = []
    for job_id in items(redis, "rq:queue:bench"):
        record = cast("dict[bytes, bytes]", redis.hgetall(f"rq:job:{job_id}"))
        moment = datetime.fromisoformat(record[b"enqueued_at"].decode())
        found.append((record[b"description"].decode().split("'")[1], int(moment.timestamp()) // 60))
    return found
