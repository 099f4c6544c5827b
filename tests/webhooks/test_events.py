"""Nothing that happened is lost: not with the process that did it, nor with the one that was to tell of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from jobs import audit, dispatch, recovery, webhooks
from jobs.claims import Claims
from jobs.dispatch import JobRequest
from jobs.settings import Settings
from jobs.verbs import Interrupted, Stopped
from jobs.webhooks import Event, Outbox, keys
from tests.clock.conftest import HandClock, schedule
from tests.clock.conftest import clock as clock
from tests.clock.conftest import rewind as rewind
from tests.worker.conftest import StartWorker
from tests.worker.conftest import start_worker as start_worker
from tests.worker.waiting import eventually

from .conftest import Hooks


def test_a_job_whose_horses_died_is_told_of_each_time(redis: Redis, hook: Hooks, deliver: Callable[[], int]) -> None:
    made = hook()
    job = dispatch.submit(JobRequest(task="web_tests.add", args={"a": 1}))
    claims = Claims(redis, "a worker")
    for _ in range(recovery.CRASHES_ALLOWED):
        execution = claims.new_execution()
        assert claims.claim(["default"], execution, time.time())
        recovery.crashed(redis, "default", job.id, execution, reason="killed by signal 9")
    deliver()
    assert made.types == ["job.failed", "job.failed", "job.dead"]
    assert made.heard[-1]["data"]["error"] == {"type": "Crashed", "message": "killed by signal 9"}


def test_what_a_person_does_to_a_job_is_no_event(redis: Redis, hook: Hooks, deliver: Callable[[], int]) -> None:
    hook()
    job = dispatch.submit(JobRequest(task="web_tests.add", args={"a": 1}))
    claims = Claims(redis, "a worker")
    claim = claims.claim(["default"], claims.new_execution(), time.time())
    assert claim is not None
    claims.settle(claim, Interrupted("deploy"), at=time.time(), peak_kb=1, queues=[], execution="")
    claim = claims.claim(["default"], claims.new_execution(), time.time())
    assert claim is not None
    claims.settle(claim, Stopped("by hand"), at=time.time(), peak_kb=1, queues=[], execution="")
    assert (deliver(), job.id) == (0, claim.job_id)


def test_missed_ticks_are_told(
    redis: Redis, hook: Hooks, clock: HandClock, rewind: Callable[..., int], deliver: Callable[[], int]
) -> None:
    made, other = hook(events=[Event.MISSED], tasks=["clock.*"]), hook(events=[Event.MISSED], tasks=["mail.*"])
    clock.synchronise(schedule(catchup="skip"))
    rewind(600)
    clock.decide()
    redis.delete("rq:queue:default")  # what the clock enqueued is no matter of this test
    deliver()
    [message] = made.heard
    assert (message["type"], message["data"]["schedule"], message["data"]["task"]) == (
        "schedule.missed",
        "work",
        "clock.work",
    )
    assert message["data"]["count"] >= 8
    assert message["data"]["first"] < message["data"]["last"]
    assert other.heard == []


def test_an_event_that_cannot_be_told_does_not_stand_in_the_way_of_others(
    redis: Redis, hook: Hooks, deliver: Callable[[], int]
) -> None:
    made, job = hook(), dispatch.submit(JobRequest(task="web_tests.add", args={"a": 1}))
    known: dict[Any, Any] = {"type": "job.dead", "task": "web_tests.add", "job": job.id, "queue": "default"}
    known |= {"started": "1", "ended": "2", "attempt": "1"}
    for error in ('{"message": "\\udcff"}', "no JSON", None):
        redis.xadd(keys.OUTBOX, known | ({} if error is None else {"error": error}))
    assert deliver() == 1
    assert (made.types, redis.xlen(keys.OUTBOX)) == (["job.finished"], 0)


def test_events_that_wait_for_room_are_bounded_and_what_is_dropped_is_told(
    redis: Redis, hook: Hooks, open_settings: Settings
) -> None:
    hook()
    dispatch.submit(JobRequest(task="web_tests.add", args={"a": 1}))
    full = open_settings.model_copy(update={"max_queue_depth": 1, "webhook_max_waiting": 20})
    outbox = Outbox(redis, full)
    for number in range(21):
        redis.xadd(keys.OUTBOX, {"type": "job.dead", "task": "nobody.asks"}, id=f"{1000 * number}-1")
        assert outbox.send() == 0
    assert redis.xlen(keys.OUTBOX) == 18
    entry = audit.entries()[0]
    assert (entry.actor, entry.action) == ("nightshift", "webhook.drop")
    assert entry.detail == {"events": 3, "since": 0, "until": 3}


@pytest.mark.processes
def test_a_worker_killed_before_it_told_leaves_that_to_the_next(
    redis: Redis, hook: Hooks, open_settings: Settings, start_worker: StartWorker
) -> None:
    made = hook()
    redis.set(keys.LEASE, "another process", px=60_000)  # nobody empties the outbox for now
    worker = start_worker("--horses", "1", OUTBOUND_ALLOW="127.0.0.0/8")
    for number in range(5):
        dispatch.submit(JobRequest(task="sample.add", args={"a": number, "b": 1}))
    eventually(lambda: redis.xlen(keys.OUTBOX) == 5)
    worker.stop(signal.SIGKILL)
    eventually(lambda: not redis.info("clients")["blocked_clients"])  # its horse has gone with it
    redis.delete(keys.LEASE)
    assert Outbox(redis, open_settings).send() == 5  # the deliveries are jobs now, and nobody works on them
    assert made.heard == []
    start_worker("--horses", "1", OUTBOUND_ALLOW="127.0.0.0/8")
    eventually(lambda: len(webhooks.list_deliveries(made.webhook.id)) == 5)
    assert len({asked.headers["webhook-id"] for asked in made.server.asked}) == len(made.server.asked) == 5
    dispatch.submit(JobRequest(task="sample.add", args={"a": 1, "b": 1}))
    eventually(lambda: len(made.server.asked) == 6)  # from job to receiver, by the worker alone
