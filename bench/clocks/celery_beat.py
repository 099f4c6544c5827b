"""Celery beat with its file of last runs; one process, as its documentation demands."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from celery import Celery, signals
from celery.schedules import crontab
from redis import Redis

from bench.clocks import Tick, items

COPIES = 1

app = Celery(broker=os.environ.get("REDIS_URL"))
app.conf.timezone = "UTC"
app.conf.beat_schedule = {
    f"s{number}": {"task": "bench.fire", "schedule": crontab(), "args": (f"s{number}",)}
    for number in range(int(os.environ.get("BENCH_SCHEDULES", "0")))
}


@signals.before_task_publish.connect  # type: ignore[untyped-decorator]
def stamp(headers: dict[str, Any], **_: object) -> None:
    """A message does not say when it was sent."""
    headers["fired"] = time.time()


@app.task(name="bench.fire")  # type: ignore[untyped-decorator]
def fire(name: str) -> None:
    """An empty job."""


def command(folder: Path) -> list[str]:
    """One scheduler; its file survives a kill, as it would on a disk."""
    program = str(Path(sys.executable).with_name("celery"))
    return [program, "-A", "bench.clocks.celery_beat", "beat", "--pidfile=", "-s", str(folder / "beat")]


def fired(redis: Redis) -> list[Tick]:
    """From the messages in the broker's list."""
    messages = [json.loads(message)["headers"] for message in items(redis, "celery")]
    return [(headers["argsrepr"].split("'")[1], int(headers["fired"]) // 60) for headers in messages]
