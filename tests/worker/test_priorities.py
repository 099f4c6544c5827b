"""Within a queue high goes before normal and normal before low, and none of them waits for ever."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from jobs import control, keys, monitor, queues, recovery, with_options
from jobs.claims import Claims
from jobs.dispatch import JobRequest, submit, submit_many
from jobs.errors import InvalidArguments, QueueFull, TaskDefinitionError
from jobs.priorities import PRIORITIES, Priority, arranged, names_of, queue_of
from jobs.records import Job
from jobs.registry import task
from jobs.settings import Settings, use_settings
from jobs.verbs import Interrupted
from tests.worker import sample_tasks as sample
from tests.worker.conftest import Stable
from tests.worker.waiting import ended, has_status

RunAll = Callable[[], None]


def _enqueue(priority: Priority, **options: Any) -> Job:
    return submit(JobRequest(task="sample.add", args={"a": 1, "b": 2}, priority=priority, **options))


def test_lists_are_those_of_the_queue_and_a_name_tells_its_queue() -> None:
    assert names_of("mail") == ["mail:high", "mail", "mail:low"]
    assert [queue_of(name) for name in ("mail:high", "mail", "of:another:program")] == [
        "mail",
        "mail",
        "of:another:program",
    ]


def test_of_sixteen_claims_every_priority_gets_its_share() -> None:
    first = Counter(arranged(["mail"], names_of("mail"), turn)[0] for turn in range(16))
    assert first == {"mail:high": 12, "mail": 3, "mail:low": 1}


def test_what_has_no_jobs_is_not_looked_at() -> None:
    assert arranged(["mail", "default"], {"mail:low"}, 0) == ["mail", "mail:low", "default"]


@pytest.mark.server
def test_high_goes_first_and_low_last(run_all: RunAll, redis: Redis) -> None:
    jobs = [_enqueue(priority) for priority in ("low", "normal", "high")]
    run_all()
    started = sorted((monitor.get_job(job.id) for job in jobs), key=lambda job: job.started_at or job.created_at)
    assert [job.priority for job in started] == ["high", "normal", "low"]


@pytest.mark.server
def test_low_is_not_starved_by_a_stream_of_high(redis: Redis) -> None:
    low, claims = _enqueue("low"), Claims(redis, "horse")
    for turn in range(16):
        _enqueue("high")
        claim = claims.claim(arranged(["default"], names_of("default"), turn), claims.new_execution(), 1.0)
        assert claim
        if claim.job_id == low.id:
            return
    pytest.fail("it was never looked at first")


@pytest.mark.server
def test_an_interrupted_job_goes_to_the_front_of_its_own_list(redis: Redis) -> None:
    first, second = _enqueue("low"), _enqueue("low")
    claims = Claims(redis, "horse")
    claim = claims.claim(names_of("default"), claims.new_execution(), 1.0)
    assert claim
    claims.settle(claim, Interrupted("deploy"), at=2.0, peak_kb=1, queues=(), execution="")
    assert redis.lrange("rq:queue:default:low", 0, -1) == [first.id.encode(), second.id.encode()]
    control.cancel(first.id)
    control.requeue(first.id)
    assert redis.lrange("rq:queue:default:low", 0, -1) == [second.id.encode(), first.id.encode()]


@pytest.mark.server
def test_delayed_jobs_keep_their_priority(redis: Redis) -> None:
    job = _enqueue("high", run_at=datetime.now(UTC) + timedelta(hours=1))
    redis.zadd(keys.registry("scheduled", "default"), {job.id: 1})
    assert recovery.promote(redis) == 1
    assert redis.lrange("rq:queue:default:high", 0, -1) == [job.id.encode()]


@pytest.mark.server
def test_views_count_a_queue_with_all_its_priorities(redis: Redis) -> None:
    jobs = [_enqueue(priority) for priority in PRIORITIES]
    (view,) = [view for view in monitor.queues(datetime.now(UTC)) if view.waiting]
    assert (view.name, view.waiting, monitor.stored("queued", "default")) == ("default", 3, 3)
    assert view.oldest_wait is not None
    assert "default:high" not in monitor.queue_names()
    for queue in (None, "default"):
        assert {job.id for job in monitor.list_jobs(status="queued", queue=queue).jobs} == {job.id for job in jobs}
    assert recovery.sweep(redis) == []
    control.delete(jobs[0].id)
    assert queues.empty("default", by="ada") == 2
    assert monitor.stored("queued") == 0


@pytest.mark.server
def test_the_depth_limit_counts_all_priorities(redis: Redis, settings: Settings) -> None:
    use_settings(settings.model_copy(update={"max_queue_depth": 2}))
    _enqueue("low")
    _enqueue("high")
    with pytest.raises(QueueFull):
        _enqueue("normal")


@pytest.mark.server
def test_a_task_has_a_priority_and_a_call_another(redis: Redis) -> None:
    assert with_options(sample.add, priority="high").enqueue(1, 2).priority == "high"
    stored = with_options(sample.humble).enqueue()
    assert (stored.priority, monitor.get_job(stored.id).priority) == ("low", "low")


def test_another_word_is_refused() -> None:
    with pytest.raises(TaskDefinitionError, match="priority must be high or normal or low, not 'urgent'"):
        task(name="sample.urgent", priority="urgent")(lambda: None)  # type: ignore[call-overload]
    with pytest.raises(InvalidArguments, match="must be high or normal or low"):
        _enqueue("urgent")  # type: ignore[arg-type]


@pytest.mark.server
def test_a_plain_rq_info_works_and_shows_the_lists(redis: Redis, settings: Settings) -> None:
    submit_many(JobRequest(task="sample.add", args={"a": 1, "b": 2}, priority=priority) for priority in PRIORITIES)
    url = settings.redis_url.get_secret_value()
    rq = [str(Path(sys.executable).parent / "rq"), "info", "--raw", "--url", url]
    said = subprocess.run(rq, capture_output=True, text=True, check=True).stdout
    assert [f"queue {name} 1" in said for name in names_of("default")] == [True] * 3, said


@pytest.mark.server
@pytest.mark.processes
def test_a_busy_worker_learns_of_a_job_of_high_priority(start_worker: Stable, redis: Redis, tmp_path: Path) -> None:
    start_worker("--horses", "1")
    assert ended(with_options(sample.add, priority="low").enqueue(1, 2)).status == "finished"
    jobs = [with_options(sample.work).enqueue(str(tmp_path / "notes"), 0.4) for _ in range(8)]
    has_status(jobs[0], "started")
    urgent = ended(with_options(sample.add, priority="high").enqueue(1, 2))
    assert urgent.status == "finished"
    assert monitor.get_job(jobs[-1].id).status == "queued"
