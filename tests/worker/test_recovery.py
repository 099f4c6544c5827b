"""Jobs that nobody works on come back: dead horses, lost ids, due times; and what has expired goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import Redis
from rq import Worker

from jobs import control, enqueue, enqueue_in, keys, monitor, queues, recovery
from jobs.claims import Claims
from jobs.errors import JobConflict, JobMissing
from jobs.records import Job
from jobs.retention import Retention
from jobs.settings import Settings
from jobs.verbs import LEASE, Claim
from tests.worker import sample_tasks as sample
from worker.registration import Registration

RunAll = Callable[[], None]


def test_three_crashes_make_a_dead_letter_that_says_why(redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    for _ in range(3):
        assert monitor.get_job(job.id).status == "queued"
        claim = _claim(redis)
        recovery.crashed(redis, claim.queue, claim.job_id, claim.execution, reason="killed by signal 9, peak 512 MB")
    seen = monitor.get_job(job.id)
    assert (seen.status, seen.error and seen.error.message) == ("failed", "killed by signal 9, peak 512 MB")


def test_a_crash_puts_the_job_before_those_that_wait(redis: Redis) -> None:
    job, _ = enqueue(sample.add, 1, 2), enqueue(sample.add, 3, 4)
    claim = _claim(redis)
    recovery.crashed(redis, claim.queue, claim.job_id, claim.execution, reason="killed")
    assert redis.lindex(keys.queue("default"), 0) == job.id.encode()


def test_a_live_lease_is_respected(redis: Redis) -> None:
    enqueue(sample.add, 1, 2)
    _claim(redis)
    assert list(recovery.Reaper(redis).run(0.0)) == []


def test_one_unreadable_record_does_not_stop_the_reaper(redis: Redis) -> None:
    jobs = [enqueue(sample.add, n, 0) for n in range(3)]
    for _ in jobs:
        _expire(redis, _claim(redis))
    redis.set(keys.job(jobs[1].id), "rubbish")
    redis.zadd(keys.registry("wip", "default"), {"not an entry of ours": 1})
    reaped = {item.job_id: item.fate for item in recovery.Reaper(redis).run(0.0)}
    assert reaped[jobs[0].id] == reaped[jobs[2].id] == "requeued"
    assert reaped[jobs[1].id] == "quarantined"
    assert redis.zcard(keys.registry("wip", "default")) == 0


def test_after_an_outage_the_living_may_renew_their_leases_first(redis: Redis) -> None:
    reaper = recovery.Reaper(redis)
    assert list(reaper.run(0.0)) == []
    enqueue(sample.add, 1, 2)
    _expire(redis, _claim(redis))
    assert list(reaper.run(20.0)) == []  # the server did not answer for 20 seconds
    assert list(reaper.run(24.0)) == []
    assert list(reaper.run(28.0)) == []
    assert len(list(reaper.run(20.0 + LEASE + 2))) == 1


def test_two_supervisors_promote_a_due_job_once(redis: Redis) -> None:
    job = enqueue_in(timedelta(hours=1), sample.add, 1, 2)
    assert recovery.promote(redis) == 0
    redis.zadd(keys.registry("scheduled", "default"), {job.id: 1})
    assert [recovery.promote(redis), recovery.promote(redis)] == [1, 0]
    assert redis.lrange(keys.queue("default"), 0, -1) == [job.id.encode()]


@pytest.mark.parametrize("lose", ["queued", "started", "scheduled"])
def test_the_ledger_finds_a_job_that_is_nowhere(lose: str, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    job = enqueue_in(timedelta(hours=1), sample.add, 1, 2) if lose == "scheduled" else enqueue(sample.add, 1, 2)
    enqueue(sample.add, 3, 4)
    if lose == "started":
        _claim(redis)
    _lose(job, redis)
    assert recovery.sweep(redis) == []  # seen for the first time: it may be on its way
    monkeypatch.setattr(recovery, "_MISSED_FOR", 0)
    assert recovery.sweep(redis) == [job.id]
    assert monitor.get_job(job.id).status == "queued"
    assert redis.lpos(keys.queue("default"), job.id) is not None
    assert redis.hget(keys.STATS, "repaired") == b"1"


def test_the_ledger_goes_through_more_jobs_than_one_page(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "_LEDGER_PAGE", 10)
    monkeypatch.setattr(recovery, "_MISSED_FOR", 0)
    jobs = [enqueue(sample.add, n, 0) for n in range(35)]
    redis.delete(keys.queue("default"))
    found = [job_id for _ in range(9) for job_id in recovery.sweep(redis)]
    assert sorted(found) == sorted(job.id for job in jobs)


def test_what_has_expired_is_forgotten(run_all: RunAll, redis: Redis, settings: Settings) -> None:
    job = enqueue(sample.add, 1, 2)
    run_all()
    redis.delete(keys.job(job.id))
    redis.zadd(keys.registry("finished", "default"), {job.id: 1})
    recovery.sweep(redis)
    Retention(redis, settings).drop_jobs()
    assert redis.zcard(keys.JOBS) == redis.zcard(keys.registry("finished", "default")) == 0


def test_a_worker_that_died_without_a_word_is_taken_off_the_list(redis: Redis) -> None:
    registration = Registration(redis, ["default"], 1)
    registration.beat([], (0, 0, 0.0), "idle")
    enqueue(sample.add, 1, 2)
    redis.delete(keys.worker(registration.name))
    recovery.tidy(redis)
    assert Worker.all_keys(connection=redis) == []
    assert redis.smembers("rq:workers:default") == set()


def test_a_dead_letter_gets_all_its_attempts_again(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.discard)
    run_all()
    control.requeue(job.id)
    seen = monitor.get_job(job.id)
    assert (seen.status, seen.attempt, seen.error) == ("queued", 0, None)
    assert redis.ttl(keys.job(job.id)) == -1
    run_all()
    assert len(monitor.attempts(job.id)) == 2


def test_control_refuses_what_the_state_does_not_allow(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    with pytest.raises(JobConflict, match="it is queued"):
        control.requeue(job.id)
    run_all()
    with pytest.raises(JobConflict, match="it is finished"):
        control.cancel(job.id)
    control.delete(job.id)
    assert redis.zcard(keys.JOBS) == 0
    with pytest.raises(JobMissing):
        control.delete(job.id)


def test_a_running_job_is_not_deleted(redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    _claim(redis)
    with pytest.raises(JobConflict, match="it is running"):
        control.delete(job.id)


def _claim(redis: Redis) -> Claim:
    claims = Claims(redis, "tester")
    claim = claims.claim(["default"], claims.new_execution(), 1.0)
    assert claim is not None
    return claim


def _expire(redis: Redis, claim: Claim) -> None:
    redis.zadd(keys.registry("wip", claim.queue), {f"{claim.job_id}:{claim.execution}": 1}, xx=True)


def _lose(job: Job, redis: Redis) -> None:
    """As an operator's DEL or a server's lost writes would."""
    redis.lrem(keys.queue(job.queue), 0, job.id)
    redis.delete(keys.registry("wip", job.queue), keys.registry("scheduled", job.queue))


def test_a_job_put_back_in_a_queue_that_was_off_the_list_is_watched_over(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = enqueue(sample.add, 1, 2)
    redis.delete(keys.queue("default"))
    recovery.tidy(redis)
    monkeypatch.setattr(recovery, "_MISSED_FOR", 0)
    assert [*recovery.sweep(redis), *recovery.sweep(redis)] == [job.id]
    _expire(redis, _claim(redis))
    assert [reaped.job_id for reaped in recovery.Reaper(redis).run(0.0)] == [job.id]


def test_emptying_a_queue_leaves_a_running_job_alone_whose_id_was_pushed_again(redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    _claim(redis)
    redis.rpush(keys.queue("default"), job.id)
    assert queues.empty("default", by="ada") == 1
    assert monitor.get_job(job.id).status == "started"


@pytest.mark.parametrize("rubbish", ["1e30", "-1", "nan", "soon"])
def test_a_time_to_live_that_the_server_refuses_cancels_no_less(rubbish: str, redis: Redis) -> None:
    jobs = [enqueue(sample.add, number, 2) for number in range(3)]
    for job in jobs[1:]:
        redis.hset(keys.job(job.id), "failure_ttl", rubbish)
    control.cancel(jobs[2].id)
    assert queues.empty("default", by="ada") == 2
    assert {monitor.get_job(job.id).status for job in jobs} == {"canceled"}
