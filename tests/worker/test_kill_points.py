"""SIGKILL between any two calls to Redis: the job is run again within 15 s, and applied once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from jobs import keys, monitor
from jobs.dispatch import JobRequest, submit
from jobs.records import Job
from jobs.settings import Settings
from tests.worker.conftest import ROOT
from tests.worker.killing import POINTS
from tests.worker.waiting import ended

pytestmark = [pytest.mark.server, pytest.mark.processes]

ENDINGS = {
    "finish": ("sample.add", {"a": 1, "b": 2}),
    "retry": ("sample.fail", {"times": 1}),
    "fail": ("sample.discard", {}),
}
CASES = [
    *((point, "finish") for point in POINTS if point not in {"before-reap", "after-reap"}),
    *((point, ending) for point in ("before-settle", "after-settle") for ending in ("retry", "fail")),
    *((point, "crash") for point in ("before-reap", "after-reap")),
    ("before-promote", "retry"),
    ("after-promote", "retry"),
]


def test_a_kill_at_any_point_loses_nothing(settings: Settings, redis: Redis, tmp_path: Path) -> None:
    asked = {f"{point}-{ending}": (point, ending) for point, ending in CASES}
    jobs = {queue: _enqueue(ending, queue) for queue, (_, ending) in asked.items()}
    workers = _start(settings, tmp_path, [f"{point}:{queue}" for queue, (point, _) in asked.items()])
    try:
        began = time.monotonic()
        seen = {queue: ended(job, 30) for queue, job in jobs.items()}
        assert time.monotonic() - began < 20  # 15, and the start of as many processes on a small machine
    finally:
        workers.terminate()
        workers.wait(30)
    assert {path.name for path in tmp_path.iterdir()} >= set(asked)
    for queue, (_, ending) in asked.items():
        _check(seen[queue], ending)
    _check_that_nothing_is_left(redis, list(asked))


def _enqueue(ending: str, queue: str) -> Job:
    """The job; for a crash one that kills its horse, so that there is something to reap."""
    task, args = ENDINGS.get(ending, ("sample.leave", {"code": 1}))
    return submit(JobRequest(task=task, args=args, queue=queue))


def _start(settings: Settings, folder: Path, pairs: list[str]) -> subprocess.Popen[bytes]:
    known = {"NIGHTSHIFT_ENV": "test", "REDIS_URL": settings.redis_url.get_secret_value(), "LOG_FORMAT": "json"}
    command = [sys.executable, "-m", "tests.worker.killing", str(folder), *pairs]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | known, stdout=subprocess.DEVNULL)


def _check(job: Job, ending: str) -> None:
    outcomes = [attempt.outcome for attempt in monitor.attempts(job.id) if attempt.outcome != "crashed"]
    assert (job.status, job.attempt, outcomes) == {
        "finish": ("finished", 1, ["finished"]),
        "retry": ("finished", 2, ["retrying", "finished"]),
        "fail": ("failed", 1, ["discarded"]),
        "crash": ("failed", 1, []),
    }[ending], job.queue


def _check_that_nothing_is_left(redis: Redis, queues: list[str]) -> None:
    for queue in queues:
        assert redis.llen(keys.queue(queue)) == 0
        assert redis.zcard(keys.registry("wip", queue)) == 0
        assert redis.zcard(keys.registry("scheduled", queue)) == 0
