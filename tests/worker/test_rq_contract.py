"""What we write is RQ's own data model: the installed RQ reads it, and what RQ writes is run by us."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from redis import Redis
from rq import Queue, SimpleWorker, Worker
from rq.job import Dependency
from rq.job import Job as RqJob
from rq.registry import (
    CanceledJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
)
from rq.results import Result
from rq.serializers import JSONSerializer

from jobs import control, enqueue, enqueue_in, keys, monitor, recovery
from jobs.claims import Claims, State
from jobs.records import Job
from jobs.running import Finished
from tests.worker import sample_tasks as sample
from worker.registration import Registration
from worker.slots import Run

RunAll = Callable[[], None]
OURS = {"v", "task", "attempt", "max_attempts", "execution"}


def test_rq_reads_a_finished_job(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    run_all()
    rq = _fetch(job, redis)
    assert (rq.get_status(), rq.return_value(), rq.worker_name) == ("finished", 3, "tester")
    assert rq.started_at is not None
    assert rq.ended_at is not None
    assert job.id in FinishedJobRegistry("default", redis).get_job_ids(cleanup=False)
    (result,) = rq.results()
    assert (result.type, result.return_value, result.worker_name) == (Result.Type.SUCCESSFUL, 3, "tester")
    assert result.execution_started_at is not None


def test_rq_reads_a_failed_job_with_every_attempt(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.fail)
    for _ in range(3):
        run_all()
        _make_due(job, redis)
        recovery.promote(redis)
    rq = _fetch(job, redis)
    assert rq.get_status() == "failed"
    assert job.id in FailedJobRegistry("default", redis).get_job_ids(cleanup=False)
    types = [result.type for result in rq.results()]
    assert types == [Result.Type.FAILED, Result.Type.RETRIED, Result.Type.RETRIED]
    assert all("ValueError: attempt" in str(result.exc_string) for result in rq.results())


def test_rq_reads_a_started_job(redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    claims = Claims(redis, "tester")
    claim = claims.claim(["default"], claims.new_execution(), 4000000000.5)
    assert claim is not None
    registry = StartedJobRegistry("default", redis)
    assert registry.get_job_and_execution_ids(cleanup=False) == [(job.id, claim.execution)]
    rq = _fetch(job, redis)
    assert (rq.get_status(), rq.worker_name) == ("started", "tester")
    assert rq.started_at is not None
    assert rq.started_at.timestamp() == 4000000000.5


def test_a_job_has_the_same_fields_whether_rq_or_we_have_run_it(run_all: RunAll, redis: Redis) -> None:
    ours = enqueue(sample.add, 1, 2)
    run_all()
    theirs = enqueue(sample.add, 1, 2)
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    SimpleWorker([queue], connection=redis, serializer=JSONSerializer).work(burst=True)
    assert _fields(ours, redis) - OURS == _fields(theirs, redis) - OURS
    assert _attempt_fields(ours, redis) >= _attempt_fields(theirs, redis)


def test_rq_requeues_our_dead_letter_and_we_run_it(run_all: RunAll, redis: Redis) -> None:
    job = enqueue(sample.discard)
    run_all()
    _fetch(job, redis).requeue()
    assert redis.ttl(keys.job(job.id)) > 0  # RQ leaves the expiry date; running the job takes it off
    run_all()
    assert [attempt.number for attempt in monitor.attempts(job.id)] == [1, 2]
    assert job.id in FailedJobRegistry("default", redis).get_job_ids(cleanup=False)


def test_we_run_what_plain_rq_enqueues_and_schedules(run_all: RunAll, redis: Redis) -> None:
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    now = queue.enqueue("jobs.perform", "sample.add", {"a": 1, "b": 2})
    later = queue.enqueue_in(timedelta(seconds=-5), "jobs.perform", "sample.add", {"a": 3, "b": 4})
    recovery.promote(redis)
    run_all()
    assert [RqJob.fetch(job.id, redis, JSONSerializer).return_value() for job in (now, later)] == [3, 7]


def test_what_waits_for_our_job_by_rqs_rules_is_run_after_it(run_all: RunAll, redis: Redis) -> None:
    first = enqueue(sample.add, 1, 2)
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    second = queue.enqueue("jobs.perform", "sample.add", {"a": 3, "b": 4}, depends_on=_fetch(first, redis))
    assert second.get_status() == "deferred"
    run_all()
    assert RqJob.fetch(second.id, redis, JSONSerializer).return_value() == 7


def test_what_waits_for_our_job_and_allows_its_failure_is_run_after_a_failure(run_all: RunAll, redis: Redis) -> None:
    first = enqueue(sample.discard)
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    after = Dependency(_fetch(first, redis), allow_failure=True)
    second = queue.enqueue("jobs.perform", "sample.add", {"a": 3, "b": 4}, depends_on=after)
    run_all()
    assert RqJob.fetch(second.id, redis, JSONSerializer).return_value() == 7


def test_rq_cancels_and_deletes_our_waiting_jobs(run_all: RunAll, redis: Redis) -> None:
    canceled, deleted = enqueue(sample.add, 1, 2), enqueue(sample.add, 3, 4)
    _fetch(canceled, redis).cancel()
    _fetch(deleted, redis).delete()
    run_all()
    assert monitor.get_job(canceled.id).status == "canceled"
    assert monitor.find_job(deleted.id) is None
    assert redis.hlen(keys.QUARANTINE) == 0


def test_a_job_that_rq_deletes_while_it_runs_leaves_nothing_behind(redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    claims = Claims(redis, "tester")
    claim = claims.claim(["default"], claims.new_execution(), 1.0)
    assert claim is not None
    redis.delete(keys.job(job.id))
    claims.settle(claim, Finished(b"3"), at=2.0, peak_kb=1, queues=(), execution="")
    assert not redis.exists(keys.job(job.id), keys.results(job.id))


def test_a_job_that_rq_cancels_or_deletes_while_it_runs_is_left_alone_by_its_ending(redis: Redis) -> None:
    canceled, deleted = enqueue(sample.add, 1, 2), enqueue(sample.add, 3, 4)
    claims = Claims(redis, "tester")
    running = [claims.claim(["default"], claims.new_execution(), 1.0) for _ in range(2)]
    _fetch(canceled, redis).cancel()
    _fetch(deleted, redis).delete()
    for claim in running:
        assert claim
        settled = claims.settle(claim, Finished(b"3"), at=2.0, peak_kb=1, queues=(), execution="")
        assert settled.state is State.STALE
    assert redis.zcard(keys.registry("wip", "default")) == redis.zcard(keys.registry("finished", "default")) == 0
    assert monitor.get_job(canceled.id).status == "canceled"
    assert [attempt.outcome for attempt in monitor.attempts(canceled.id)] == ["canceled"]
    assert CanceledJobRegistry("default", redis).get_job_ids(cleanup=False) == [canceled.id]
    assert not redis.exists(keys.job(deleted.id), keys.results(deleted.id))


def test_the_reaper_drops_the_entry_of_a_job_that_rq_has_canceled_or_deleted(redis: Redis) -> None:
    canceled, deleted = enqueue(sample.add, 1, 2), enqueue(sample.add, 3, 4)
    claims = Claims(redis, "dead")
    for _ in range(2):
        assert claims.claim(["default"], claims.new_execution(), 1.0)
    _fetch(canceled, redis).cancel()
    _fetch(deleted, redis).delete()
    wip = keys.registry("wip", "default")
    for member in cast("list[bytes]", redis.zrange(wip, 0, -1)):
        redis.zadd(wip, {member.decode(): 1})
    assert list(recovery.Reaper(redis).run(0.0)) == []
    assert redis.zcard(wip) == redis.llen(keys.queue("default")) == redis.hlen(keys.QUARANTINE) == 0
    assert monitor.get_job(canceled.id).status == "canceled"


def test_our_delayed_and_canceled_jobs_are_in_rqs_registries(redis: Redis) -> None:
    delayed, canceled = enqueue_in(60, sample.add, 1, 2), enqueue_in(60, sample.add, 1, 2)
    control.cancel(canceled.id)
    scheduled = ScheduledJobRegistry("default", redis)  # type: ignore[no-untyped-call]
    assert scheduled.get_job_ids(cleanup=False) == [delayed.id]
    assert CanceledJobRegistry("default", redis).get_job_ids(cleanup=False) == [canceled.id]
    assert _fetch(canceled, redis).is_canceled


def test_a_supervisor_is_a_worker_of_rq(redis: Redis) -> None:
    registration = Registration(redis, ["high", "default"], 2)
    run = Run(1, 0.0, 60.0, 1, "some-job", "e", "default", "sample.add")
    registration.beat([], (0, 0, 0.0), "idle")
    registration.beat([run], (5, 1, 2.5), "busy")
    (worker,) = Worker.all(connection=redis)
    assert (worker.name, worker.queue_names(), worker.get_state()) == (registration.name, ["high", "default"], "busy")
    assert (worker.successful_job_count, worker.failed_job_count, worker.total_working_time) == (5, 1, 2.5)
    assert worker.get_current_job_id() == "some-job"
    assert Worker.count(queue=Queue("high", connection=redis)) == 1
    registration.end()
    assert Worker.all(connection=redis) == []


def test_a_supervisor_writes_the_fields_that_rqs_worker_writes(redis: Redis) -> None:
    Registration(redis, ["default"], 2).beat([], (0, 0, 0.0), "idle")
    ours = set(cast("dict[bytes, bytes]", redis.hgetall(_only_worker(redis))))
    redis.flushall()
    theirs = SimpleWorker([Queue("default", connection=redis)], connection=redis)
    theirs.register_birth()  # type: ignore[no-untyped-call]
    assert ours >= set(cast("dict[bytes, bytes]", redis.hgetall(_only_worker(redis))))


def _only_worker(redis: Redis) -> bytes:
    (key,) = cast("set[bytes]", redis.smembers(keys.WORKERS))
    return key


def _fetch(job: Job, redis: Redis) -> RqJob:
    return RqJob.fetch(job.id, connection=redis, serializer=JSONSerializer)


def _fields(job: Job, redis: Redis) -> set[str]:
    """Names of the fields that are not empty."""
    raw = cast("dict[bytes, bytes]", redis.hgetall(keys.job(job.id)))
    return {name.decode() for name, value in raw.items() if value}


def _attempt_fields(job: Job, redis: Redis) -> set[str]:
    entries = cast("list[tuple[bytes, dict[bytes, Any]]]", redis.xrange(keys.results(job.id)))
    return {name.decode() for name in entries[-1][1]}


def _make_due(job: Job, redis: Redis) -> None:
    if monitor.get_job(job.id).status == "scheduled":
        redis.zadd(keys.registry("scheduled", job.queue), {job.id: 1})
