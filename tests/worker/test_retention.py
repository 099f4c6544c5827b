"""What has ended goes by age and by number, with all that belongs to it; what lives stays."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from jobs import control, enqueue, enqueue_in, files, keys, monitor, queues, recovery, with_options
from jobs.errors import FileMissing
from jobs.records import Job
from jobs.retention import BATCH, Retention
from jobs.schedules import keys as schedule_keys
from jobs.settings import Settings
from jobs.verbs import rq_time
from tests.worker import sample_tasks as sample

RunAll = Callable[[], None]
YEAR = 31_536_000


def keeping(settings: Settings, redis: Redis, **limits: int) -> Retention:
    return Retention(redis, settings.model_copy(update=limits))


def left(jobs: list[Job]) -> int:
    return sum(monitor.find_job(job.id) is not None for job in jobs)


def everything(redis: Redis) -> list[str]:
    """Keys of jobs, files and logs."""
    patterns = ("rq:job:*", "rq:results:*", "ns:log:*", "ns:artifacts:*", "ns:file:*")
    return [key.decode() for pattern in patterns for key in redis.scan_iter(pattern)]


def test_of_each_outcome_and_queue_the_newest_are_kept(run_all: RunAll, redis: Redis, settings: Settings) -> None:
    finished = [enqueue(sample.add, n, 0) for n in range(5)]
    failed = [enqueue(sample.discard) for _ in range(5)]
    run_all()
    canceled = [enqueue(sample.add, n, 1) for n in range(5)]
    for job in canceled:
        control.cancel(job.id)
    waiting, delayed = enqueue(sample.add, 1, 2), enqueue_in(60, sample.add, 1, 2)
    dropped = keeping(settings, redis, keep_finished=3, keep_failed=2, keep_canceled=1).drop_jobs()
    assert (dropped, left(finished), left(failed), left(canceled)) == (9, 3, 2, 1)
    assert left([waiting, delayed]) == 2
    assert redis.zcard(keys.JOBS) == 3 + 2 + 1 + 2


def test_with_a_job_go_its_result_log_artifacts_and_files(run_all: RunAll, redis: Redis, settings: Settings) -> None:
    job = enqueue(sample.report)
    run_all()
    [artifact] = monitor.artifacts(job.id).values()
    assert {"rq:job:", "rq:results:", "ns:log:", "ns:artifacts:", "ns:file:"} == {
        key[: key.index(":", 3) + 1] for key in everything(redis)
    }
    redis.zadd(keys.registry("finished", "default"), {job.id: time.time() - 1})
    assert keeping(settings, redis).drop_jobs() == 1
    assert everything(redis) == []
    assert redis.zcard(keys.JOBS) == redis.zcard(keys.registry("finished", "default")) == 0
    with pytest.raises(FileMissing):
        files.get(artifact.id)


def test_a_job_that_is_deleted_by_hand_takes_its_files_along(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.report)
    run_all()
    control.delete(job.id)
    assert everything(redis) == []


def test_a_file_that_a_waiting_job_was_given_outlives_the_job_that_made_it(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.report)
    run_all()
    [artifact] = monitor.artifacts(job.id).values()
    waiting = enqueue(sample.read, artifact)
    control.delete(job.id)
    run_all()
    assert monitor.get_result(waiting.id) == artifact.read().decode()
    assert redis.ttl(keys.file_bytes(artifact.id)) > 0


def test_canceled_jobs_go_by_the_time_that_they_were_canceled(redis: Redis, settings: Settings) -> None:
    job = enqueue(sample.add, 1, 2)
    control.cancel(job.id)
    assert keeping(settings, redis, canceled_ttl=60).drop_jobs() == 0
    redis.zadd(keys.registry("canceled", "default"), {job.id: time.time() - 61})
    assert keeping(settings, redis, canceled_ttl=60).drop_jobs() == 1


def test_a_job_that_lives_again_is_never_dropped(run_all: RunAll, redis: Redis, settings: Settings) -> None:
    job = enqueue(sample.discard)
    run_all()
    control.requeue(job.id)
    redis.zadd(keys.registry("failed", "default"), {job.id: 1})  # as a program that requeues in two steps leaves it
    keeping(settings, redis).drop_jobs()
    assert monitor.get_job(job.id).status == "queued"
    assert redis.zcard(keys.registry("failed", "default")) == 0


def test_more_than_one_batch_goes_in_one_call(redis: Redis, settings: Settings) -> None:
    entries = {f"job-{number}": float(number) for number in range(10 * BATCH)}
    enqueue(sample.add, 1, 2)
    redis.zadd(keys.registry("finished", "default"), entries)
    assert keeping(settings, redis).drop_jobs() == 10 * BATCH
    assert redis.zcard(keys.registry("finished", "default")) == 0


def test_histories_and_the_audit_log_are_shortened(redis: Redis, settings: Settings) -> None:
    now = datetime.now(UTC)
    for age in range(8):
        at = int((now - timedelta(days=7 - age)).timestamp() * 1000)
        redis.xadd(keys.AUDIT, {"actor": "tests"}, id=f"{at}-0")
        redis.xadd(schedule_keys.history("often"), {"kind": "tick"}, id=f"{at}-0")
    redis.zadd(schedule_keys.ALL, {"often": 0})
    keeping(settings, redis, keep_audit=5, keep_history=6).trim()
    assert (redis.xlen(keys.AUDIT), redis.xlen(schedule_keys.history("often"))) == (5, 6)
    keeping(settings, redis, audit_ttl=36 * 3600, history_ttl=60 * 3600).trim()
    assert (redis.xlen(keys.AUDIT), redis.xlen(schedule_keys.history("often"))) == (2, 3)


def test_quarantined_records_go_by_age_and_number(redis: Redis, settings: Settings) -> None:
    for number, age in enumerate([YEAR, 0, 0, 0]):
        entry = json.dumps({"reason": "no", "queue": "low", "at": rq_time(time.time() - age)})
        redis.hset(keys.QUARANTINE, f"job-{number}", entry)
        redis.set(keys.quarantined(f"job-{number}"), "what was there")
    keeping(settings, redis).trim()
    assert not redis.exists(keys.quarantined("job-0"))
    assert redis.hlen(keys.QUARANTINE) == 3
    keeping(settings, redis, keep_failed=1).trim()
    assert redis.hlen(keys.QUARANTINE) == len(list(redis.scan_iter("ns:quarantine:*"))) == 1


def test_queues_that_nobody_uses_are_no_longer_listed(run_all: RunAll, redis: Redis) -> None:
    unused, used = with_options(sample.add, queue="unused"), with_options(sample.add, queue="default")
    control.delete(unused.enqueue(1, 2).id)
    used.enqueue(1, 2)
    run_all()
    unused.enqueue_in(60, 1, 2)
    recovery.tidy(redis)
    assert redis.smembers(keys.QUEUES) == {b"rq:queue:default", b"rq:queue:unused"}
    redis.delete(keys.registry("scheduled", "unused"))
    queues.pause("unused", note="for now", by="tests")
    recovery.tidy(redis)
    assert redis.sismember(keys.QUEUES, "rq:queue:unused")
    queues.resume("unused", by="tests")
    recovery.tidy(redis)
    assert redis.smembers(keys.QUEUES) == {b"rq:queue:default"}
