"""A running job can be ended: by a person, and by RQ's own calls. Its task may clean up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from redis import Redis
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from jobs import control, enqueue, keys, monitor, recovery
from jobs.claims import Claims
from jobs.running import Quarantined
from jobs.verbs import Claim
from tests.worker import sample_tasks as sample
from tests.worker.conftest import Stable
from tests.worker.waiting import ended, eventually

pytestmark = pytest.mark.server


@pytest.mark.processes
def test_a_running_job_that_is_canceled_cleans_up_and_ends_as_canceled(
    start_worker: Stable, redis: Redis, tmp_path: Path
) -> None:
    start_worker("--horses", "3")
    paths = [tmp_path / name for name in ("told", "by-rq", "deleted")]
    told, by_rq, deleted = [enqueue(sample.tidy, str(path)) for path in paths]
    eventually(lambda: all(path.exists() for path in paths))
    control.cancel(told.id)
    RqJob.fetch(by_rq.id, redis, JSONSerializer).cancel()
    RqJob.fetch(deleted.id, redis, JSONSerializer).delete()
    eventually(lambda: redis.zcard(keys.registry("wip", "default")) == 0)
    assert [path.read_text().split() for path in paths] == [["start", "clean"]] * 3
    for job in (told, by_rq):
        assert ended(job, 3).status == "canceled"
        assert [attempt.outcome for attempt in monitor.attempts(job.id)] == ["canceled"]
        assert redis.zscore(keys.registry("canceled", "default"), job.id)
    control.requeue(told.id)
    eventually(lambda: paths[0].read_text().split() == ["start", "clean", "start"])
    control.cancel(told.id)
    assert ended(told, 3).status == "canceled"


def test_a_cancel_that_nobody_heard_holds_for_a_job_of_a_dead_worker(redis: Redis) -> None:
    claim = _canceled_while_it_runs(Claims(redis, "dead"))
    reaped = recovery.crashed(redis, "default", claim.job_id, claim.execution, reason="killed")
    assert reaped
    assert reaped.fate == monitor.get_job(claim.job_id).status == "canceled"


def test_a_job_to_be_canceled_is_canceled_although_its_record_cannot_be_run(redis: Redis) -> None:
    claims = Claims(redis, "alive")
    claim = _canceled_while_it_runs(claims)
    claims.settle(claim, Quarantined("its task is unknown"), at=time.time(), peak_kb=0, queues=(), execution="")
    assert monitor.get_job(claim.job_id).status == "canceled"
    assert not redis.exists(keys.QUARANTINE)
    assert redis.zrange(keys.registry("failed", "default"), 0, -1) == []


def _canceled_while_it_runs(claims: Claims) -> Claim:
    job = enqueue(sample.add, 1, 2)
    claim = claims.claim(["default"], claims.new_execution(), time.time())
    assert claim
    control.cancel(job.id)
    return claim
