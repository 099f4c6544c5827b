"""How many workers the queues need, told from what really happened."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from jobs import enqueue, keys, queues, task, with_options
from jobs.claims import Claims
from jobs.errors import QueueMissing, SettingsError
from jobs.records import rq_time
from jobs.running import Finished
from jobs.scaling import QueueScale, Scale, scale
from jobs.settings import Settings, read_settings, use_settings

pytestmark = pytest.mark.usefixtures("redis")


@task(name="scaling_tests.work")
def work() -> None:
    """Something that takes as long as the test says."""


def waiting(number: int, queue: str = "default") -> None:
    for _ in range(number):
        with_options(work, queue=queue).enqueue()


def ended(redis: Redis, number: int, seconds: float) -> None:
    """So many jobs came and took so long."""
    claims = Claims(redis, "a worker of tests")
    waiting(number)
    for _ in range(number):
        claim = claims.claim(["default"], claims.new_execution(), time.time() - seconds)
        assert claim
        claims.settle(claim, Finished(b"null"), at=time.time(), peak_kb=1, queues=(), execution="")


def worker(redis: Redis, name: str, *, horses: int = 2, state: str = "idle") -> None:
    redis.sadd("rq:workers", f"rq:worker:{name}")
    redis.hset(f"rq:worker:{name}", mapping={"queues": "high,default,low", "horses": horses, "state": state})


def seen(*only: str) -> tuple[Scale, dict[str, QueueScale]]:
    found = scale(datetime.now(UTC), only)
    return found, {queue.name: queue for queue in found.queues}


def test_where_nothing_happens_the_least_is_enough(settings: Settings) -> None:
    found, by_name = seen()
    assert (found.workers, found.horses, found.workers_now) == (1, 0, 0)
    assert (by_name["default"].mean_run, by_name["default"].target) == (1.0, 30.0)
    use_settings(settings.model_copy(update={"scale_min_workers": 0}))
    assert seen()[0].workers == 0
    enqueue(work)
    assert seen()[0].workers == 1


def test_a_backlog_is_to_be_worked_off_within_the_target(redis: Redis, settings: Settings) -> None:
    ended(redis, 95, seconds=2)
    waiting(300)
    found, by_name = seen()
    default = by_name["default"]
    assert default.mean_run == pytest.approx(1.95, abs=0.01)  # 95 jobs of 2 s, and the guess of 1 s that counts as five
    assert default.load == pytest.approx(95 * 2 / 330, rel=0.12)  # the window is five to six minutes
    assert default.horses == pytest.approx(default.load + 300 * 1.95 / 30, rel=0.01)
    assert (default.workers, found.workers) == (11, 11)  # 20.1 horses, two in each worker
    use_settings(settings.model_copy(update={"queue_latency": "30,default=300"}))
    assert seen()[0].workers == 2


def test_the_first_long_job_does_not_decide(redis: Redis) -> None:
    ended(redis, 1, seconds=594)
    assert seen()[1]["default"].mean_run == pytest.approx(99.8, abs=0.2)


def test_jobs_that_run_for_long_are_counted_as_they_run(redis: Redis) -> None:
    claims = Claims(redis, "a worker of tests")
    waiting(6)
    for _ in range(5):
        claim = claims.claim(["default"], claims.new_execution(), time.time())
        assert claim is not None
        redis.hset(keys.job(claim.job_id), "started_at", rq_time(datetime.now(UTC) - timedelta(minutes=10)))
    default = seen()[1]["default"]
    assert (default.running, default.waiting, default.load) == (5, 1, 5.0)
    assert default.mean_run == pytest.approx(600 + 1, abs=1)  # 3,000 s spent already; nothing has ended


def test_a_paused_queue_asks_for_nobody() -> None:
    waiting(3000, "low")
    assert seen()[1]["low"].workers == 50
    queues.pause("low", note="", by="a test")
    assert (seen()[1]["low"].paused, seen()[0].workers) == (True, 1)


def test_workers_are_counted_by_their_horses_without_those_that_leave(redis: Redis) -> None:
    worker(redis, "one", horses=4)
    worker(redis, "two", horses=8)
    worker(redis, "leaving", state="draining")
    waiting(3000)
    found, _ = seen("default")
    assert (found.workers_now, found.horses_now, found.horses_per_worker) == (2, 12, 6)
    assert found.workers == 17  # 100 horses
    assert [queue.name for queue in found.queues] == ["default"]


def test_a_queue_that_does_not_exist_is_named() -> None:
    with pytest.raises(QueueMissing, match="nowhere"):
        seen("nowhere")


@pytest.mark.parametrize("wrong", ["", "soon", "30,high", "high=", "0", "30;high=5", "90000", "-1"])
def test_a_target_that_is_no_duration_names_the_variable(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("QUEUE_LATENCY", wrong or " ")
    with pytest.raises(SettingsError, match="QUEUE_LATENCY: must be seconds"):
        read_settings()


def test_targets_are_read_as_they_are_written(settings: Settings) -> None:
    chosen = settings.model_copy(update={"queue_latency": "high=5, 60 ,low=600"})
    assert [chosen.latency_target(name) for name in ("high", "default", "low")] == [5, 60, 600]
    assert settings.model_copy(update={"queue_latency": "high=5"}).latency_target("default") == 30
