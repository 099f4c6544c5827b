"""SIGKILL between any two calls to Redis: the job is run again within 15 s, and applied once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from jobs import bulk, keys, monitor
from jobs.claims import Claims
from jobs.dispatch import JobRequest, submit
from jobs.records import Job
from jobs.running import AttemptError, Failed
from jobs.settings import Settings
from tests.worker import sample_tasks  # noqa: F401 - registers the tasks
from tests.worker.conftest import ROOT
from tests.worker.corruption import KINDS
from tests.worker.killing import POINTS
from tests.worker.waiting import ended

pytestmark = [pytest.mark.server, pytest.mark.processes]

WHEN = ("before", "after")
ENDINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "finish": ("sample.add", {"a": 1, "b": 2}),
    "retry": ("sample.fail", {"times": 1}),
    "fail": ("sample.discard", {}),
    "snooze": ("sample.snooze", {}),
    "crash": ("sample.leave", {"code": 1}),  # kills its horse, so that there is something to reap
}
OUTCOMES = {
    "finish": ("finished", 1, ["finished"]),
    "retry": ("finished", 2, ["retrying", "finished"]),
    "fail": ("failed", 1, ["discarded"]),
    "snooze": ("finished", 1, ["snoozed", "finished"]),
    "release": ("finished", 1, ["interrupted", "finished"]),
    "quarantine": ("failed", 1, ["quarantined"]),
    "batch": ("finished", 1, ["finished"]),
    "requeue": ("finished", 1, ["failed", "finished"]),
    "crash": ("failed", 1, []),
}
OF_BATCHES = ("-keep", "-take-over", "-finish")
CASES = [
    *((point, "finish") for point in POINTS if not point.endswith(("-reap", "-requeue", *OF_BATCHES))),
    *((point, "batch") for point in POINTS if point.endswith(OF_BATCHES)),
    *((f"{when}-settle", ending) for when in WHEN for ending in ("retry", "fail", "release", "quarantine")),
    ("after-settle", "snooze"),
    *((f"{when}-reap", "crash") for when in WHEN),
    *((f"{when}-requeue", "requeue") for when in WHEN),
    ("before-promote", "retry"),
    ("after-promote", "retry"),
]


def test_a_kill_at_any_point_loses_nothing(settings: Settings, redis: Redis, tmp_path: Path) -> None:
    asked = {f"{point}-{ending}": (point, ending) for point, ending in CASES}
    jobs = {queue: _enqueue(ending, queue, redis, tmp_path) for queue, (_, ending) in asked.items()}
    workers = _start(settings, tmp_path, [f"{point}:{queue}" for queue, (point, _) in asked.items()])
    try:
        began = time.monotonic()
        seen = {job.id: ended(job, 30) for given in jobs.values() for job in given}
        assert time.monotonic() - began < 20  # 15, and the start of as many processes on a small machine
    finally:
        workers.terminate()
        workers.wait(30)
    assert {path.name for path in tmp_path.iterdir()} >= set(asked)
    for queue, (_, ending) in asked.items():
        for job in jobs[queue]:
            _check(seen[job.id], ending)
    _check_that_nothing_is_left(redis, list(asked))


def _enqueue(ending: str, queue: str, redis: Redis, folder: Path) -> list[Job]:
    """The jobs to look at, in the state that comes before the point."""
    if ending == "requeue":
        return _dead_letters_being_retried(queue, redis)
    if ending == "batch":
        return [_stride(queue, number, folder) for number in range(160)]
    if ending == "release":
        return [
            submit(JobRequest(task="sample.stop_worker", args={"path": str(folder / f"{queue}-told")}, queue=queue))
        ]
    task, args = ENDINGS.get(ending, ENDINGS["finish"])
    job = submit(JobRequest(task=task, args=args, queue=queue))
    if ending == "quarantine":
        KINDS["an unknown task"](redis, job.id)
    return [job]


def _stride(queue: str, number: int, folder: Path) -> Job:
    """Short, but for some that are long enough for the supervisor to take over what is held behind them."""
    args = {"path": str(folder / f"{queue}-notes"), "number": number, "seconds": 0.5 if number % 50 == 49 else 0.0}
    return submit(JobRequest(task="sample.stride", args=args, queue=queue))


def _dead_letters_being_retried(queue: str, redis: Redis) -> list[Job]:
    """Three dead letters, and a job that will try all of them again."""
    jobs = [submit(JobRequest(task="sample.add", args={"a": 1, "b": n}, queue=queue)) for n in range(3)]
    claims = Claims(redis, "a worker of before")
    while claim := claims.claim([queue], claims.new_execution(), time.time()):
        ending = Failed(AttemptError("ValueError", "no", "ValueError: no"))
        claims.settle(claim, ending, at=time.time(), peak_kb=1, queues=(), execution="")
    choice = {"status": "failed", "queue": queue}
    submit(JobRequest(task=bulk.NAME, args={"action": "retry", "choice": choice, "by": "a test"}, queue=queue))
    return jobs


def _start(settings: Settings, folder: Path, pairs: list[str]) -> subprocess.Popen[bytes]:
    known = {"NIGHTSHIFT_ENV": "test", "REDIS_URL": settings.redis_url.get_secret_value(), "SHUTDOWN_GRACE": "0.2"}
    command = [sys.executable, "-m", "tests.worker.killing", str(folder), *pairs]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | known, stdout=subprocess.DEVNULL)


def _check(job: Job, ending: str) -> None:
    outcomes = [attempt.outcome for attempt in monitor.attempts(job.id) if attempt.outcome != "crashed"]
    assert (job.status, job.attempt, outcomes) == OUTCOMES[ending], job.queue


def _check_that_nothing_is_left(redis: Redis, queues: list[str]) -> None:
    for queue in queues:
        assert redis.llen(keys.queue(queue)) == 0
        assert redis.zcard(keys.registry("wip", queue)) == 0
        assert redis.zcard(keys.registry("scheduled", queue)) == 0
