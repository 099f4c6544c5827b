"""Short jobs are taken several at a time; nothing of what is promised for one job alone is lost by that."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from jobs import control, keys, monitor, recovery
from jobs.claims import Claims, Settled, State
from jobs.context import RedisNotes
from jobs.dispatch import enqueue, with_options
from jobs.records import Job, JobError
from jobs.running import AttemptError, Failed, Finished
from jobs.settings import Settings
from jobs.uniqueness import Unique
from jobs.verbs import Claim, Ended, Ending, Interrupted, Then, ended
from tests.worker import sample_tasks as sample
from tests.worker.conftest import Stable
from tests.worker.waiting import children, eventually, has_status
from tests.worker.waiting import ended as has_ended

pytestmark = pytest.mark.server

DEFAULT = keys.queue("default")


@pytest.fixture
def claims(redis: Redis) -> Claims:
    """Those of one horse."""
    return Claims(redis, "w")


def _take(claims: Claims, more: int = 16) -> Claim:
    """Claim a job, settle it, and take the next one with others behind it."""
    first = claims.claim(["default"], claims.new_execution(), time.time())
    assert first
    settled = _settle(claims, [_end(first)], more)
    assert settled.next
    return settled.next


def _end(claim: Claim, ending: Ending | None = None) -> Ended:
    return ended(claim, ending or Finished(b"1"), time.time(), 1)


def _settle(claims: Claims, attempts: list[Ended], more: int = 0) -> Settled:
    then = Then(claims.new_execution(), more, claims.batch)
    return claims.settle_all(attempts, ["default"], at=time.time(), then=then)


def _waiting(redis: Redis) -> list[str]:
    return [job_id.decode() for job_id in cast("list[bytes]", redis.lrange(DEFAULT, 0, -1))]


def _enqueue(number: int) -> list[Job]:
    return [enqueue(sample.add, n, 0) for n in range(number)]


def test_a_horse_leaves_most_of_what_waits_to_others(redis: Redis, claims: Claims) -> None:
    _enqueue(14)
    _take(claims)
    assert redis.llen(f"ns:prefetched:{claims.batch}") == 3
    assert redis.llen(DEFAULT) == 9


def test_the_attempts_of_a_batch_are_settled_in_one_call_and_recorded_as_any_other(claims: Claims) -> None:
    jobs = _enqueue(10)
    first = _take(claims)
    second = claims.begin(time.time())
    assert (first.batch, second.batch) == ("", claims.batch)
    assert _settle(claims, [_end(first), _end(second)]).states == [State.OWNED, State.OWNED]
    for job in jobs[:3]:
        seen = monitor.get_job(job.id)
        assert (seen.status, seen.attempt, seen.worker) == ("finished", 1, "w")
        assert seen.started_at
        assert seen.ended_at
        assert seen.started_at <= seen.ended_at
        assert [attempt.outcome for attempt in monitor.attempts(job.id)] == ["finished"]
        assert monitor.get_result(job.id) == 1


def test_what_was_not_begun_goes_back_in_its_order(redis: Redis, claims: Claims) -> None:
    jobs = _enqueue(20)
    first = _take(claims)
    assert redis.llen(f"ns:prefetched:{claims.batch}") == 4
    released = claims.settle_all([_end(first, Interrupted("deploy"))], (), at=2.0, then=Then(batch=claims.batch))
    assert (released.state, released.next) == (State.OWNED, None)
    assert _waiting(redis) == [job.id for job in jobs[1:]]
    assert not redis.exists("ns:prefetched")


def test_a_job_of_a_batch_may_fail(claims: Claims) -> None:
    jobs = _enqueue(14)
    first = _take(claims)
    second = claims.begin(time.time())
    error = AttemptError("ValueError", "no", "ValueError: no")
    assert _settle(claims, [_end(first), _end(second, Failed(error))]).states == [State.OWNED, State.OWNED]
    assert [monitor.get_job(job.id).status for job in jobs[1:3]] == ["finished", "failed"]
    assert monitor.get_job(jobs[2].id).error == JobError("ValueError", "no")


def test_a_call_that_is_sent_again_gives_the_same_jobs(redis: Redis, claims: Claims) -> None:
    jobs = _enqueue(14)
    first = claims.claim(["default"], claims.new_execution(), time.time())
    assert first
    then = Then(claims.new_execution(), 16)
    given = [claims.settle_all([_end(first)], ["default"], at=1.0, then=then) for _ in range(2)]
    assert [settled.state for settled in given] == [State.OWNED, State.REPEATED]
    assert {settled.next.job_id for settled in given if settled.next} == {jobs[1].id}
    assert [claims.begin(1.0).job_id for _ in range(3)] == [job.id for job in jobs[2:5]]
    assert claims.next_task is None


def test_a_batch_of_a_worker_that_is_gone_goes_back_when_its_time_is_over(redis: Redis, claims: Claims) -> None:
    jobs = _enqueue(14)
    _take(claims)
    assert list(recovery.Reaper(redis).run(0.0)) == []
    assert redis.llen(DEFAULT) == 9
    redis.zadd("ns:prefetched", {claims.batch: 1})
    assert list(recovery.Reaper(redis).run(0.0)) == []
    assert _waiting(redis) == [job.id for job in jobs[2:]]
    assert [attempt for job in jobs[2:] for attempt in monitor.attempts(job.id)] == []


def test_whoever_comes_too_late_changes_nothing(redis: Redis, claims: Claims) -> None:
    jobs = _enqueue(14)
    _take(claims)
    late = claims.begin(time.time())
    recovery.take_over(redis, recovery.Held(claims.batch), "w")
    assert _settle(claims, [_end(late)]).state is State.STALE
    assert monitor.get_job(jobs[2].id).status in ("queued", "started")


def test_a_job_that_is_held_is_canceled_like_one_that_runs(redis: Redis, claims: Claims) -> None:
    jobs = _enqueue(14)
    first = _take(claims)
    second = claims.begin(time.time())
    control.cancel(jobs[2].id)
    assert monitor.get_job(jobs[2].id).status == "queued"
    _settle(claims, [_end(first), _end(second, Interrupted("asked to"))])
    assert monitor.get_job(jobs[2].id).status == "canceled"


def test_a_job_that_is_canceled_while_it_is_held_is_not_put_back(redis: Redis, claims: Claims) -> None:
    jobs = _enqueue(14)
    first = _take(claims)
    control.cancel(jobs[3].id)
    claims.settle_all([_end(first)], (), at=2.0, then=Then(batch=claims.batch))
    assert monitor.get_job(jobs[3].id).status == "canceled"
    assert _waiting(redis) == [job.id for job in jobs[2:] if job is not jobs[3]]


def test_a_job_that_is_held_says_what_it_has_to_say(redis: Redis, settings: Settings, claims: Claims) -> None:
    jobs = _enqueue(14)
    _take(claims)
    held = claims.begin(time.time())
    assert held.job_id == jobs[2].id
    RedisNotes(held.job_id, held.execution, redis, settings, held.batch).write("checkpoint", "[1]")
    assert redis.hget(keys.job(held.job_id), "checkpoint") == b"[1]"
    RedisNotes(held.job_id, held.execution, redis, settings, "another batch").write("checkpoint", "[2]")
    assert redis.hget(keys.job(held.job_id), "checkpoint") == b"[1]"


def test_a_job_whose_start_others_must_see_is_not_begun_without_a_call(claims: Claims) -> None:
    for n in range(14):
        with_options(sample.add, unique=Unique(key=str(n), until="started")).enqueue(n, 0)
    _take(claims)
    assert claims.batch
    assert claims.next_task is None


@pytest.mark.processes
def test_no_result_and_no_job_waits_behind_one_that_turns_out_long(start_worker: Stable, tmp_path: Path) -> None:
    path = str(tmp_path / "notes")
    numbers = range(300)
    jobs = [enqueue(sample.stride, path, n, 3.0 if n == 150 else 0.0) for n in numbers]
    start_worker("--horses", "2")
    has_status(jobs[150], "started")
    others = [job for n, job in enumerate(jobs) if n != 150]
    for job in others:
        has_ended(job, 2.0)
    assert monitor.get_job(jobs[150].id).status == "started"
    assert has_ended(jobs[150]).status == "finished"
    assert Counter(Path(path).read_text().split()) == {str(n): 1 for n in numbers}
    assert [attempt.outcome for attempt in monitor.attempts(jobs[150].id)] == ["finished"]


@pytest.mark.processes
def test_a_job_that_kills_its_horse_is_the_only_one_that_is_run_again(start_worker: Stable, tmp_path: Path) -> None:
    path = str(tmp_path / "notes")
    numbers = range(300)
    jobs = [enqueue(sample.stride, path, n, code=1 if n == 150 else None) for n in numbers]
    start_worker("--horses", "1")
    assert has_ended(jobs[150]).status == "failed"
    for n, job in enumerate(jobs):
        assert has_ended(job).status == ("failed" if n == 150 else "finished")
    assert Counter(Path(path).read_text().split()) == {str(n): 3 if n == 150 else 1 for n in numbers}
    crashes = [attempt for attempt in monitor.attempts(jobs[150].id) if attempt.outcome == "crashed"]
    assert len(crashes) == 3


@pytest.mark.processes
@pytest.mark.long
def test_a_horse_that_is_killed_among_short_jobs_loses_none(start_worker: Stable, redis: Redis, tmp_path: Path) -> None:
    path = str(tmp_path / "notes")
    _enqueue_strides(path, 900)
    worker = start_worker("--horses", "1")
    for part in (200, 500):
        eventually(lambda part=part: _finished(redis) > part)  # type: ignore[misc]
        for pid in children(worker.process.pid):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: _finished(redis) == 900, 30.0)
    runs = Counter(Path(path).read_text().split())
    assert len(runs) == 900
    assert sum(runs.values()) <= 900 + 2 * 2  # the job that ran, and the one whose end was not noted yet


@pytest.mark.processes
@pytest.mark.long
def test_a_worker_that_is_killed_among_short_jobs_loses_none(
    start_worker: Stable, redis: Redis, tmp_path: Path
) -> None:
    path = str(tmp_path / "notes")
    _enqueue_strides(path, 1500)
    worker = start_worker("--horses", "2")
    eventually(lambda: _finished(redis) > 500)
    worker.process.kill()
    start_worker("--horses", "2")
    eventually(lambda: _finished(redis) == 1500, 15.0)
    assert len(Counter(Path(path).read_text().split())) == 1500


@pytest.mark.processes
def test_a_worker_that_stops_gives_back_what_it_holds(start_worker: Stable, redis: Redis, tmp_path: Path) -> None:
    path = str(tmp_path / "notes")
    _enqueue_strides(path, 2000)
    worker = start_worker("--horses", "2")
    eventually(lambda: _finished(redis) > 300)
    assert worker.stop() == 0
    assert not redis.keys("ns:prefetched*")
    started = len(Path(path).read_text().split())
    assert redis.llen(DEFAULT) == 2000 - started
    assert _finished(redis) == started


@pytest.mark.processes
def test_nothing_is_prefetched_when_a_setting_says_so(start_worker: Stable, redis: Redis, tmp_path: Path) -> None:
    _enqueue_strides(str(tmp_path / "notes"), 300)
    redis.config_resetstat()
    start_worker("--horses", "1", PREFETCH="0")
    eventually(lambda: _finished(redis) == 300)
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] >= 300


def _finished(redis: Redis) -> int:
    return int(redis.zcard(keys.registry("finished", "default")))


def _enqueue_strides(path: str, number: int) -> None:
    for n in range(number):
        enqueue(sample.stride, path, n)
