"""One tick, one decision, one job: whoever decides, and however often."""

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from jobs import Unique, monitor, registry
from jobs.schedules import keys
from jobs.schedules.history import history
from jobs.schedules.planning import plan
from jobs.settings import Settings

from .conftest import HandClock, end, queued, schedule, start, stored

Rewind = Callable[..., int]


def test_a_due_tick_becomes_one_job_that_knows_its_tick(clock: HandClock, redis: Redis, rewind: Rewind) -> None:
    clock.synchronise(schedule(timezone="Europe/Berlin", args={"number": 7}))
    rewind(60)
    [decision] = clock.decide()
    [job_id] = queued(redis)
    job = monitor.get_job(job_id)
    assert job_id == decision.detail == f"work-{decision.step.tick}"
    assert (job.task, job.args, job.schedule, job.status) == ("clock.work", {"number": 7}, "work", "queued")
    assert round(datetime.fromisoformat(job.tick or "").timestamp() * 1000) == decision.step.tick
    assert stored(redis).cursor == decision.step.tick
    assert clock.decide() == []


def test_the_records_are_those_that_rq_itself_would_write(clock: HandClock, redis: Redis, rewind: Rewind) -> None:
    clock.synchronise(schedule())
    rewind(60)
    clock.decide()
    [ours] = queued(redis)
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    theirs = RqJob.create(
        "jobs.perform", args=("clock.work", {}), connection=redis, timeout=180, result_ttl=7 * 86400,
        failure_ttl=90 * 86400, description="clock.work", serializer=JSONSerializer,
    )  # fmt: skip
    queue.enqueue_job(theirs)
    assert queued(redis) == [ours, theirs.id]
    assert _record(redis, ours).items() >= _record(redis, theirs.id).items()
    fetched = RqJob.fetch(ours, connection=redis, serializer=JSONSerializer)
    assert (fetched.func_name, fetched.args, fetched.get_status()) == ("jobs.perform", ["clock.work", {}], "queued")
    assert redis.smembers("rq:queues") == {b"rq:queue:default"}


def _record(client: Redis, job_id: str) -> dict[bytes, bytes]:
    """What says something, without the times; RQ packs the call and puts blanks in it, and needs neither to read it."""
    record = cast("dict[bytes, bytes]", client.hgetall(f"rq:job:{job_id}"))
    plain = zlib.decompress(record[b"data"]) if record[b"data"][:1] == b"x" else record[b"data"]
    record[b"data"] = json.dumps(json.loads(plain)).encode()
    return {name: value for name, value in record.items() if value and name not in {b"created_at", b"enqueued_at"}}


def test_a_second_clock_enqueues_nothing(clock: HandClock, redis: Redis, rewind: Rewind, settings: Settings) -> None:
    clock.synchronise(schedule(catchup="all", overlap="allow"))
    rewind(600)
    other = HandClock(redis, settings, "another")
    other.lease.hold()
    due = clock.decider.due()
    stale = list(other.decider.propose(due, clock.lease.now()))
    assert clock.outcomes() == ["enqueued"] * 10
    assert [decision.outcome for decision in other.decider.send(stale)] == ["done"] * 10
    assert len(queued(redis)) == 10


def test_a_standby_leaves_a_tick_to_the_leader_for_a_second(
    clock: HandClock, standby: HandClock, redis: Redis, rewind: Rewind
) -> None:
    clock.synchronise(schedule(every=3600.0, phase=(clock.lease.now() // 1000 % 3600) + 0.0))
    redis.zadd(keys.DUE, {"work": clock.lease.now() - 500})
    assert clock.decider.due() == ["work"]
    assert standby.decider.due() == []
    redis.zadd(keys.DUE, {"work": clock.lease.now() - 1500})
    assert standby.decider.due() == ["work"]


def test_a_former_leader_is_fenced(clock: HandClock, redis: Redis, rewind: Rewind, settings: Settings) -> None:
    clock.synchronise(schedule())
    rewind(60)
    redis.delete(keys.LEASE)
    HandClock(redis, settings, "the next one").lead()
    assert clock.outcomes() == ["fenced"]
    assert queued(redis) == []
    assert not clock.lease.leads


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"revision": 99}, "stale"),
        ({"cursor": 99}, "done"),
        ({"paused": 1}, "paused"),
        ({"retired": 1}, "paused"),
        (None, "gone"),
    ],
)
def test_a_clock_that_has_read_something_else_is_refused(
    clock: HandClock, redis: Redis, rewind: Rewind, change: dict[str, int] | None, refusal: str
) -> None:
    clock.synchronise(schedule())
    rewind(60)
    calls = list(clock.decider.propose(clock.decider.due(), clock.lease.now()))
    if change is None:
        redis.delete(keys.schedule("work"))
    else:
        redis.hset(keys.schedule("work"), mapping=dict(change.items()))
    assert [decision.outcome for decision in clock.decider.send(calls)] == [refusal]
    assert queued(redis) == []


def test_a_clock_that_runs_ahead_is_refused(clock: HandClock, redis: Redis) -> None:
    clock.synchronise(schedule())
    calls = list(clock.decider.propose(["work"], clock.lease.now() + 3_600_000))
    assert next(iter(clock.decider.send(calls))).outcome == "early"
    assert queued(redis) == []


def test_a_schedule_that_cannot_be_read_stops_no_other(clock: HandClock, redis: Redis, rewind: Rewind) -> None:
    clock.synchronise(schedule("bad"), schedule("good"), schedule("worse"))
    for name in ("bad", "good", "worse"):
        rewind(60, name)
    redis.hset(keys.schedule("bad"), "definition", "{")
    redis.delete(keys.schedule("worse"))
    redis.set(keys.schedule("worse"), "no hash")
    assert clock.outcomes() == ["enqueued"]
    assert clock.decider.due() == []
    assert redis.zscore(keys.DUE, "bad") is not None


def test_a_job_that_cannot_be_made_is_a_missed_tick_with_the_reason(
    clock: HandClock, redis: Redis, rewind: Rewind
) -> None:
    clock.synchronise(schedule())
    rewind(60)
    broken = schedule().model_copy(update={"args": {"number": "x"}})
    redis.hset(keys.schedule("work"), "definition", broken.text())
    assert clock.outcomes() == ["missed"]
    assert "/number: Input should be a valid integer" in history("work")[0].reason


def test_a_task_of_another_release_is_left_to_its_clock_for_a_minute(
    clock: HandClock, redis: Redis, rewind: Rewind
) -> None:
    clock.synchronise(schedule(catchup="all", overlap="allow", every=30.0))
    rewind(30)
    unknown = schedule(every=30.0).model_copy(update={"task": "clock.of_tomorrow"})
    redis.hset(keys.schedule("work"), "definition", unknown.text())
    assert clock.decide() == []
    assert clock.decider.due() == []
    rewind(100)
    assert clock.outcomes()[0] == "missed"


class TestOverlap:
    """The next tick comes while the job of the one before is active."""

    def test_allow_enqueues_another(self, clock: HandClock, redis: Redis, rewind: Rewind) -> None:
        clock.synchronise(schedule(overlap="allow", catchup="all"))
        rewind(180)
        assert clock.outcomes() == ["enqueued"] * 3

    @pytest.mark.parametrize("lease", [9.0, -5.0])
    def test_skip_notes_why_while_the_job_waits_or_runs(
        self, clock: HandClock, redis: Redis, rewind: Rewind, lease: float
    ) -> None:
        clock.synchronise(schedule(catchup="all"))
        rewind(120)
        assert clock.outcomes() == ["enqueued", "skipped"]
        start(redis, queued(redis)[0], lease)
        rewind(60)
        redis.hincrby(keys.schedule("work"), "cursor", 1)
        assert clock.outcomes() == ["skipped"]
        assert history("work")[0].reason == "the job before it is still active"

    def test_a_job_whose_worker_is_lost_blocks_nothing(self, clock: HandClock, redis: Redis, rewind: Rewind) -> None:
        clock.synchronise(schedule(every=1.0, catchup="all"))
        rewind(1)
        clock.decide()
        start(redis, queued(redis)[0], lease=-31)
        rewind(1)
        assert "enqueued" in clock.outcomes()

    def test_a_job_older_than_max_overlap_blocks_nothing(self, clock: HandClock, redis: Redis, rewind: Rewind) -> None:
        clock.synchronise(schedule(catchup="all", max_overlap=3600.0))
        rewind(120)
        assert clock.outcomes() == ["enqueued", "skipped"]
        redis.hincrby(keys.schedule("work"), "last_enqueued", -3_600_001)
        rewind(61)
        assert "enqueued" in clock.outcomes() or len(queued(redis)) == 1

    def test_queue_one_keeps_one_tick_until_the_job_has_ended(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        clock.synchronise(schedule(overlap="queue one", catchup="all"))
        rewind(180)
        assert clock.outcomes() == ["enqueued", "waiting", "skipped"]
        clock.settler.start_waiting()
        [first] = queued(redis)
        end(redis, first)
        clock.settler.start_waiting()
        [second] = queued(redis)
        assert second == f"work-{int(first[5:]) + 60_000}"
        assert redis.scard(keys.WAITING) == 0
        assert stored(redis).waiting is None

    def test_replace_cancels_a_job_that_has_not_started(self, clock: HandClock, redis: Redis, rewind: Rewind) -> None:
        clock.synchronise(schedule(overlap="replace", catchup="all"))
        rewind(180)
        assert clock.outcomes() == ["enqueued"] * 3
        [last] = queued(redis)
        assert last == stored(redis).last_job
        assert redis.zcard("rq:canceled:default") == 2

    def test_replace_leaves_a_unique_job_that_stands_for_the_tick(
        self, clock: HandClock, redis: Redis, rewind: Rewind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alike = replace(registry.find("clock.work"), unique=Unique("started", key="one"))
        monkeypatch.setitem(registry._tasks, "clock.work", alike)
        clock.synchronise(schedule(overlap="replace", catchup="all"))
        rewind(120)
        assert clock.outcomes() == ["enqueued"] * 2
        assert queued(redis) == [stored(redis).last_job]

    def test_replace_stops_a_running_job_and_starts_when_it_has_ended(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        clock.synchronise(schedule(overlap="replace", catchup="all"))
        told: Any = cast("Any", redis).pubsub()
        told.subscribe("rq:pubsub:w1")
        assert told.get_message(timeout=1) is not None
        rewind(120)
        first, second = list(clock.decider.propose(clock.decider.due(), clock.lease.now()))
        clock.decider.send([first])
        start(redis, queued(redis)[0])
        assert [decision.outcome for decision in clock.decider.send([second])] == ["waiting"]
        message = told.get_message(timeout=1)
        told.close()
        assert message is not None
        assert b'"stop-job"' in message["data"]
        assert queued(redis) == []
        clock.settler.start_waiting()
        assert queued(redis) == []
        end(redis, stored(redis).last_job or "", "stopped")
        clock.settler.start_waiting()
        assert len(queued(redis)) == 1


class TestCatchUp:
    """A clock comes back after a while."""

    def missed(self) -> list[tuple[int | None, str]]:
        return [(entry.count, entry.reason) for entry in history("work", 50) if entry.kind == "missed"]

    def test_latest_runs_the_last_tick_for_all(self, clock: HandClock, rewind: Rewind) -> None:
        clock.synchronise(schedule(every=3600.0, phase=(clock.lease.now() // 1000 - 100) % 3600))
        rewind(5 * 3600)
        assert clock.outcomes() == ["missed", "enqueued"]
        assert self.missed() == [(4, "late, and a later tick stands for it")]

    def test_skip_runs_none(self, clock: HandClock, rewind: Rewind) -> None:
        clock.synchronise(schedule(every=3600.0, phase=(clock.lease.now() // 1000 - 100) % 3600, catchup="skip"))
        rewind(5 * 3600)
        assert clock.outcomes() == ["missed"]
        assert self.missed() == [(5, "late, and catch-up is off")]

    def test_all_runs_as_many_as_the_maximum(self, clock: HandClock, rewind: Rewind) -> None:
        phase = (clock.lease.now() // 1000 - 30) % 60
        clock.synchronise(schedule(every=60.0, phase=phase, catchup="all", max=3, overlap="allow"))
        rewind(600)
        assert clock.outcomes() == ["missed", "enqueued", "enqueued", "enqueued"]
        assert self.missed() == [(7, "late, and above the maximum to catch up")]

    def test_what_is_older_than_the_window_is_told_apart(self, clock: HandClock, rewind: Rewind) -> None:
        phase = (clock.lease.now() // 1000 - 30) % 60
        clock.synchronise(schedule(phase=phase, catchup="latest", window=160.0))
        rewind(600)
        assert clock.outcomes() == ["missed", "missed", "enqueued"]
        assert self.missed() == [
            (2, "late, and a later tick stands for it"),
            (7, "older than the catch-up window"),
        ]

    def test_ticks_that_are_prompt_run_whatever_the_policy(self, clock: HandClock, rewind: Rewind) -> None:
        clock.synchronise(schedule(every=1.0, catchup="skip", overlap="allow"))
        rewind(3)
        assert clock.outcomes() == ["enqueued"] * 3

    def test_a_year_of_downtime_costs_one_round(self, clock: HandClock, redis: Redis, rewind: Rewind) -> None:
        clock.synchronise(schedule(cron="* * * * *", every=None, timezone="Europe/Berlin"))
        rewind(366 * 86400)
        assert clock.outcomes()[-2:] in (["missed", "enqueued"], ["missed", "missed"])
        assert self.missed()[-1] == (None, "older than the catch-up window")
        assert plan(stored(redis), clock.lease.now()) == []


def test_a_tick_that_meets_a_full_queue_or_server_is_decided_when_there_is_room(
    redis: Redis, settings: Settings, rewind: Rewind
) -> None:
    clock = HandClock(redis, settings.model_copy(update={"max_queue_depth": 1})).lead()
    clock.synchronise(schedule(overlap="allow"))
    redis.rpush("rq:queue:default", "another")
    rewind(60)
    [decision] = clock.decide()
    assert (decision.outcome, decision.detail) == ("full", "queue default is full")
    assert clock.decide() == []
    redis.delete("rq:queue:default")
    redis.set("ns:full", 1)
    rewind(60)
    assert clock.outcomes() == ["full"]
    redis.delete("ns:full")
    due_again(redis)
    assert clock.outcomes() == ["enqueued"]
    assert [tick.outcome for tick in history("work")] == ["enqueued"]


def due_again(redis: Redis) -> None:
    """As it is some seconds later."""
    redis.zincrby(keys.DUE, -5_000, "work")
