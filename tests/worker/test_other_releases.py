"""Two releases over the same data: what one of them cannot run waits for the other, and is never lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from jobs import enqueue, keys, monitor, records, recovery, stats
from tests.worker import sample_tasks as sample

RunAll = Callable[[], None]


def due_now(redis: Redis, job_id: str) -> None:
    redis.zadd(keys.registry("scheduled", "default"), {job_id: 1}, xx=True)
    recovery.promote(redis)


def test_a_record_of_a_newer_version_waits_for_a_newer_worker(
    run_all: RunAll, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = enqueue(sample.add, 1, 2)
    redis.hset(keys.job(job.id), mapping={"v": records.VERSION + 1, "a field of tomorrow": "kept"})
    for _ in range(3):
        run_all()
        seen = monitor.get_job(job.id)
        assert (seen.status, seen.attempt, seen.task) == ("scheduled", 0, "sample.add")
        due_now(redis, job.id)
    assert redis.hget(keys.job(job.id), "a field of tomorrow") == b"kept"
    monkeypatch.setattr("jobs.running.VERSION", records.VERSION + 1)  # as the newer release reads it
    run_all()
    assert monitor.get_result(job.id) == 3
    assert {attempt.outcome for attempt in monitor.attempts(job.id)} == {"snoozed", "finished"}


def test_a_task_of_the_coming_release_is_left_to_its_workers(run_all: RunAll, redis: Redis) -> None:
    stats.mark_deploy(redis, "v2", datetime.now(UTC) - timedelta(minutes=1))
    job = enqueue(sample.add, 1, 2)
    redis.hset(keys.job(job.id), "data", '["jobs.perform", null, ["sample.of_tomorrow", {}], {}]')
    run_all()
    seen = monitor.get_job(job.id)
    assert (seen.status, seen.attempt) == ("scheduled", 0)
    assert redis.hlen(keys.QUARANTINE) == 0


def test_a_task_that_nobody_knows_is_quarantined_when_the_deploy_is_over(run_all: RunAll, redis: Redis) -> None:
    stats.mark_deploy(redis, "v1", datetime.now(UTC) - timedelta(minutes=11))
    job = enqueue(sample.add, 1, 2)
    redis.hset(keys.job(job.id), "data", '["jobs.perform", null, ["sample.of_yesterday", {}], {}]')
    run_all()
    assert monitor.get_job(job.id).status == "failed"
    assert redis.hexists(keys.QUARANTINE, job.id)
