"""Every way in which an attempt can end, by a horse inside the test's process."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

import pytest
from redis import Redis

from jobs import enqueue, files, keys, monitor, recovery
from jobs.claims import FIELDS, Claims
from jobs.dispatch import JobRequest, submit, submit_many
from jobs.running import Finished
from jobs.scripts import script
from tests.worker import sample_tasks as sample

RunAll = Callable[[], None]


def test_a_job_finishes_with_its_result(run_all: RunAll) -> None:
    job = enqueue(sample.add, 1, b=2)
    run_all()
    seen = monitor.get_job(job.id)
    assert (seen.status, seen.attempt, seen.worker, monitor.get_result(job.id)) == ("finished", 1, "tester", 3)


def test_an_async_task_is_run(run_all: RunAll) -> None:
    job = enqueue(sample.add_async, 1, 2)
    run_all()
    assert monitor.get_result(job.id) == 3


def test_queues_are_served_in_their_order_and_each_in_the_order_of_arrival(run_all: RunAll, redis: Redis) -> None:
    asked = [("low", 1), ("default", 2), ("high", 3), ("default", 4), ("high", 5)]
    jobs = submit_many(JobRequest(task="sample.add", args={"a": n, "b": 0}, queue=queue) for queue, n in asked)
    run_all()
    order = sorted(jobs, key=lambda job: str(monitor.get_job(job.id).started_at))
    assert [monitor.get_result(job.id) for job in order] == [3, 5, 2, 4, 1]


def test_a_failed_attempt_is_tried_again_and_every_attempt_is_kept(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.fail, times=1)
    run_all()
    assert monitor.get_job(job.id).status == "scheduled"
    _run_when_due(redis, run_all)
    assert monitor.get_result(job.id) == 2
    first, second = monitor.attempts(job.id)
    assert (first.number, first.outcome, second.number, second.outcome) == (1, "retrying", 2, "finished")
    assert first.traceback is not None
    assert 'raise ValueError(f"attempt' in first.traceback
    assert monitor.get_job(job.id).error is None


def test_a_job_without_attempts_left_becomes_a_dead_letter(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.fail)
    for _ in range(3):
        run_all()
        _run_when_due(redis, run_all)
    seen = monitor.get_job(job.id)
    assert (seen.status, seen.attempt, str(seen.error and seen.error.message)) == ("failed", 3, "attempt 3 fails")
    assert [attempt.outcome for attempt in monitor.attempts(job.id)] == ["retrying", "retrying", "failed"]
    assert redis.zscore(keys.registry("failed", "default"), job.id) is not None


@pytest.mark.parametrize(("task", "outcome"), [(sample.picky, "failed"), (sample.discard, "discarded")])
def test_a_job_ends_at_once_when_trying_again_is_of_no_use(
    task: Callable[[], None], outcome: str, run_all: RunAll
) -> None:
    job = enqueue(task)
    run_all()
    assert monitor.get_job(job.id).status == "failed"
    assert [attempt.outcome for attempt in monitor.attempts(job.id)] == [outcome]


def test_a_snooze_spends_no_attempt_and_keeps_the_checkpoint(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.snooze)
    run_all()
    _run_when_due(redis, run_all)
    assert monitor.get_result(job.id) == 1


def test_retry_after_sets_exactly_this_delay(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.later, seconds=30)
    run_all()
    due = redis.zscore(keys.registry("scheduled", "default"), job.id)
    ended_at = monitor.attempts(job.id)[0].ended_at
    assert ended_at is not None
    assert isinstance(due, float)
    assert due - ended_at.timestamp() == pytest.approx(30, abs=1)


def test_sys_exit_in_a_task_is_a_failure_like_any_other(run_all: RunAll) -> None:
    job = enqueue(sample.sys_exit)
    run_all()
    error = monitor.get_job(job.id).error
    assert error is not None
    assert error.type == "SystemExit"


def test_a_task_speaks_of_itself(run_all: RunAll) -> None:
    job = submit(JobRequest(task="sample.report", idempotency_key="once"))
    run_all()
    seen = monitor.get_job(job.id)
    assert seen.progress is not None
    assert (seen.progress.done, seen.progress.total, seen.progress.note) == (1, 2, "half")
    assert [line["message"] for line in monitor.log_lines(job.id)] == ["a line"]
    assert files.get(monitor.artifacts(job.id)["result.txt"].id).read() == b"bytes"
    assert monitor.get_result(job.id) == "once"


def test_the_memory_of_one_attempt_is_not_that_of_another(run_all: RunAll) -> None:
    large = enqueue(sample.allocate, megabytes=200)
    small = enqueue(sample.add, 1, 2)
    run_all()
    peaks = [monitor.attempts(job.id)[0].peak_memory or 0 for job in (large, small)]
    assert peaks[0] - peaks[1] > 150 * 1024 * 1024


def test_a_corrupt_record_is_quarantined_and_stops_nobody(run_all: RunAll, redis: Redis) -> None:
    bad = [enqueue(sample.add, n, 0) for n in range(6)]
    good = enqueue(sample.add, 1, 2)
    redis.set(keys.job(bad[0].id), "not a hash")
    redis.delete(keys.job(bad[1].id))
    redis.hset(keys.job(bad[2].id), "data", b"\x80\x04 a pickle")
    redis.hset(keys.job(bad[3].id), "timeout", "soon")
    redis.hset(keys.job(bad[4].id), "attempt", "first")
    redis.hset(keys.job(bad[5].id), "checkpoint", "{")
    run_all()
    assert monitor.get_result(good.id) == 3
    assert all(redis.hexists(keys.QUARANTINE, job.id) for job in bad[:4])
    assert redis.get(f"ns:quarantine:{bad[0].id}") == b"not a hash"
    assert redis.llen(keys.queue("default")) == 0


def test_a_hundred_corrupt_records_among_a_thousand_keep_no_good_job_from_its_end(
    run_all: RunAll, redis: Redis
) -> None:
    jobs = submit_many(JobRequest(task="sample.add", args={"a": number, "b": 0}) for number in range(1000))
    damage: list[Callable[[str], object]] = [
        redis.delete,
        lambda name: redis.set(name, "rubbish"),
        lambda name: redis.hset(name, "data", b"\x00"),
        lambda name: redis.hdel(name, "data"),
        lambda name: redis.hset(name, "created_at", "long ago"),
    ]
    for number, job in enumerate(jobs[::10]):
        damage[number % len(damage)](keys.job(job.id))
    run_all()
    assert redis.zcard(keys.registry("finished", "default")) == 900
    assert redis.hlen(keys.QUARANTINE) == 100


def test_a_task_that_nobody_knows_is_quarantined_and_can_be_tried_again(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    redis.hset(keys.job(job.id), "data", b'["jobs.perform", null, ["os.system", {}], {}]')
    run_all()
    seen = monitor.get_job(job.id)
    assert (seen.status, seen.error and seen.error.type) == ("failed", "Quarantined")
    assert redis.hexists(keys.QUARANTINE, job.id)


def test_a_copy_that_comes_too_late_changes_nothing(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    claims = Claims(redis, "paused")
    claim = claims.claim(["default"], claims.new_execution(), 0.0)
    assert claim is not None
    recovery.crashed(redis, "default", job.id, claim.execution, reason="lost")
    run_all()
    settled = claims.settle(claim, Finished(b"99"), at=1.0, peak_kb=1, queues=(), execution="next")
    assert settled.state.name == "STALE"
    assert monitor.get_result(job.id) == 3


def test_a_claim_and_its_script_agree_on_the_fields_of_a_record() -> None:
    listed = re.search(r"'HMGET', 'rq:job:' \.\. id,(.*?)\)", script("parts/start").text, re.DOTALL)
    assert listed is not None
    assert re.findall(r"'(\w+)'", listed[1]) == [name.decode() for name in FIELDS]


def _run_when_due(redis: Redis, run_all: RunAll) -> None:
    """Without waiting: the job's time is set to the past."""
    for name in ("high", "default", "low"):
        members = cast("list[bytes]", redis.zrange(keys.registry("scheduled", name), 0, -1))
        redis.zadd(keys.registry("scheduled", name), dict.fromkeys([*members, b"none"], 1))
        redis.zrem(keys.registry("scheduled", name), "none")
    recovery.promote(redis)
    run_all()
