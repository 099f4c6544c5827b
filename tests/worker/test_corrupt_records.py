"""Records that cannot be run: every kind goes to quarantine as it is, and the jobs beside it are done."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis import Redis

from jobs import enqueue, enqueue_in, keys, monitor, recovery
from jobs.claims import Claims
from jobs.running import Finished
from jobs.verbs import Then, ended
from tests.worker import sample_tasks as sample
from tests.worker.corruption import KINDS, Damage, Kind

RunAll = Callable[[], None]


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_corrupt_record_is_kept_as_it_is_and_stops_nothing(kind: Kind, redis: Redis, run_all: RunAll) -> None:
    before, bad, after = (enqueue(sample.add, number, 1) for number in range(3))
    damage: Damage = kind(redis, bad.id)
    run_all()
    assert damage.kept(redis)
    assert [monitor.get_result(job.id) for job in (before, after)] == [1, 3]


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "origin not text"])  # that names another queue
def test_a_corrupt_record_that_is_held_is_kept_as_it_is_and_stops_nothing(
    kind: str, redis: Redis, run_all: RunAll
) -> None:
    jobs, claims = [enqueue(sample.add, number, 1) for number in range(14)], Claims(redis, "w")
    first = claims.claim(["default"], claims.new_execution(), time.time())
    assert first
    then = Then(claims.new_execution(), 16)
    claims.settle_all([ended(first, Finished(b"1"), time.time(), 1)], ["default"], at=time.time(), then=then)
    bad = jobs.pop(3)
    damage = KINDS[kind](redis, bad.id)
    running = claims.begin(time.time())
    recovery.take_over(redis, recovery.Held(claims.batch, (), running.job_id, running.execution), "w")
    run_all()
    assert damage.kept(redis)
    assert [monitor.get_result(job.id) for job in jobs[3:]] == [number + 1 for number in range(4, 14)]


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_corrupt_records_among_many_short_jobs_are_kept_and_stop_nothing(
    kind: Kind, redis: Redis, run_all: RunAll
) -> None:
    jobs = [enqueue(sample.add, number, 1) for number in range(120)]
    damages = [kind(redis, job.id) for job in jobs[30::10]]
    run_all()
    assert all(damage.kept(redis) for damage in damages)
    assert redis.zcard(keys.registry("finished", "default")) == len(jobs) - len(damages)


@pytest.mark.parametrize(("name", "value"), [("result_ttl", "9" * 30), ("result_ttl", "-5"), ("attempt", "many")])
def test_a_number_that_only_we_need_is_put_right(name: str, value: str, redis: Redis, run_all: RunAll) -> None:
    job = enqueue(sample.add, 1, 2)
    redis.hset(keys.job(job.id), name, value)
    run_all()
    assert monitor.get_result(job.id) == 3


def test_a_delayed_job_with_an_unknown_status_is_quarantined_when_it_is_due(redis: Redis) -> None:
    job = enqueue_in(60, sample.add, 1, 2)
    damage = KINDS["an unknown status"](redis, job.id)
    redis.zadd(keys.registry("scheduled", "default"), {job.id: 1})
    assert recovery.promote(redis) == 0
    assert damage.kept(redis)


def test_the_sweep_quarantines_what_has_an_unknown_status(redis: Redis) -> None:
    damage = KINDS["a status of bytes"](redis, enqueue(sample.add, 1, 2).id)
    assert recovery.sweep(redis) == []
    assert damage.kept(redis)


def test_what_stands_in_the_place_of_the_results_makes_way(redis: Redis, run_all: RunAll) -> None:
    job = enqueue(sample.add, 1, 2)
    redis.set(keys.results(job.id), "rubbish")
    run_all()
    assert (monitor.get_job(job.id).status, monitor.get_result(job.id)) == ("finished", 3)


@pytest.mark.server
def test_an_error_that_names_a_file_by_odd_bytes_is_kept(run_all: RunAll) -> None:
    job = enqueue(sample.odd)
    run_all()
    [attempt] = monitor.attempts(job.id)
    assert (attempt.outcome, attempt.error and attempt.error.message) == ("failed", "cannot read a\\udcff.csv")
    assert "cannot read a\\udcff.csv" in (attempt.traceback or "")


def test_a_time_of_odd_bytes_ends_neither_horse_nor_reaper(redis: Redis, run_all: RunAll) -> None:
    done, lost = enqueue(sample.add, 1, 2), enqueue(sample.add, 1, 2)
    for job in (done, lost):
        redis.hset(keys.job(job.id), "enqueued_at", b"\xff")
    redis.lrem(keys.queue("default"), 1, lost.id)
    run_all()
    assert redis.hget(keys.job(done.id), "status") == b"failed"
    redis.zadd(keys.registry("wip", "default"), {f"{lost.id}:1": 1})
    redis.hset(keys.job(lost.id), "status", "started")
    assert [reaped.fate for reaped in recovery.Reaper(redis).run(0.0)] == ["requeued"]


def test_the_entry_of_an_attempt_gets_its_place_whatever_stands_in_the_way(redis: Redis, run_all: RunAll) -> None:
    redis.set("ns:entry", "rubbish")
    job = enqueue(sample.add, 1, 2)
    run_all()
    assert (monitor.get_job(job.id).status, monitor.get_result(job.id)) == ("finished", 3)
    assert (len(monitor.attempts(job.id)), redis.exists("ns:entry")) == (1, 0)
