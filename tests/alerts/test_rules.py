"""Every rule, fired by the fault it is for and cleared when that is over."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from jobs import dispatch, monitor, queues
from jobs.alerts import readings
from jobs.alerts.watch import Watch
from jobs.dispatch import JobRequest
from jobs.settings import Settings
from tests.clock.conftest import HandClock, schedule
from tests.clock.conftest import clock as clock
from tests.clock.conftest import rewind as rewind
from tests.clock.processes import ClockProcess
from tests.tasks.conftest import Answer, Sites
from tests.worker.conftest import OwnServer, StartWorker
from tests.worker.conftest import own_server as own_server
from tests.worker.conftest import start_worker as start_worker
from tests.worker.waiting import ended, eventually

from .conftest import SECRET, Listen, People, Tuned, wrong

Run = Callable[[], int]


def enqueue(task: str, count: int = 1, **args: object) -> None:
    for _ in range(count):
        dispatch.submit(JobRequest(task=task, args=args))


def test_attempts_that_fail(redis: Redis, listen: Listen, run_jobs: Run) -> None:
    people = listen("failures", alert_failure_rate=0.3, alert_failure_least=10)
    enqueue("web_tests.fail", 9, message="x")
    run_jobs()
    assert people.look() == []  # too few to tell
    enqueue("web_tests.fail", 3, message="x")
    run_jobs()
    assert people.look() == ["fired failures"]
    assert people.last["text"] == "12 of 12 attempts of web_tests.fail failed within 5 minutes (100%)"
    assert (people.look(), wrong(redis)) == ([], [("failures", "")])
    assert people.look(later=timedelta(minutes=10)) == ["cleared failures"]


def test_jobs_that_wait_too_long(redis: Redis, listen: Listen, run_jobs: Run) -> None:
    people = listen("latency", alert_latency=0.05)
    enqueue("web_tests.add", a=1)
    time.sleep(0.06)
    assert people.look() == ["fired latency"]
    assert wrong(redis) == [("latency", "default")]
    queues.pause("default", note="on purpose", by="tester")
    assert people.look() == ["cleared latency"]
    queues.resume("default", by="tester")
    assert people.look() == ["fired latency"]
    redis.set("rq:suspended", 1)
    assert people.look() == ["cleared latency"]
    redis.delete("rq:suspended")
    assert people.look() == ["fired latency"]
    run_jobs()
    assert people.look() == ["cleared latency"]


@pytest.mark.processes
def test_a_worker_that_is_killed(redis: Redis, listen: Listen, start_worker: StartWorker) -> None:
    people = listen("workers")
    worker = start_worker("--horses", "1")
    ended(dispatch.submit(JobRequest(task="sample.add", args={"a": 1, "b": 1})))
    assert people.look() == []
    worker.stop(signal.SIGKILL)
    eventually(lambda: not redis.info("clients")["blocked_clients"])  # its horse has gone with it
    enqueue("sample.add", a=1, b=2)
    redis.hset(f"rq:worker:{worker.name}", "last_heartbeat", "2026-01-01T00:00:00.000000Z")  # half a minute later
    assert people.look() == ["fired workers"]
    assert people.last["text"] == "queue default: 1 job waiting, and no worker takes them"
    start_worker("--horses", "1", ALERT_WEBHOOK_URL=people.server.url, WEBHOOK_SECRET=SECRET)
    eventually(lambda: people.look() or len(people.server.asked) == 2)
    assert wrong(redis) == []


@pytest.mark.processes
def test_a_clock_that_is_killed(redis: Redis, listen: Listen, settings: Settings) -> None:
    people, address = listen("clock"), settings.redis_url.get_secret_value()
    first = ClockProcess(address)
    first.wait_for("Queued")
    assert people.look() == []
    first.close()
    eventually(lambda: people.look() == ["fired clock"] or None)
    assert "no clock is alive" in people.last["text"]
    second = ClockProcess(address)
    try:
        eventually(lambda: people.look() == ["cleared clock"] or None)
    finally:
        second.close()


def test_ticks_that_are_missed(
    redis: Redis, listen: Listen, clock: HandClock, rewind: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = listen("missed", alert_after=3600)  # what has happened need not last
    clock.synchronise(schedule(catchup="skip"))
    assert people.look() == []
    rewind(600)
    clock.decide()
    assert people.look() == ["fired missed"]
    assert people.last["subject"] == "work"
    assert people.last["text"].startswith("schedule work missed ")
    assert people.look() == []
    monkeypatch.setattr(readings, "_MISSED_WITHIN", timedelta(0))
    assert people.look(later=timedelta(seconds=1)) == ["cleared missed"]


def test_dead_letters_that_grow(redis: Redis, listen: Listen, run_jobs: Run) -> None:
    people = listen("dead_letters", alert_dead_letters=3)
    enqueue("web_tests.fail", 2, message="x")
    run_jobs()
    assert people.look() == []
    enqueue("web_tests.fail", 1, message="x")
    run_jobs()
    assert people.look() == ["fired dead_letters"]
    assert people.last["text"] == "3 new dead letters within an hour, 3 of web_tests.fail"
    assert people.look(later=timedelta(hours=2)) == ["cleared dead_letters"]


def test_a_server_that_runs_full(redis: Redis, listen: Listen) -> None:
    people = listen("memory")
    assert people.look() == []
    redis.config_set("maxmemory", int(monitor.server().memory / 0.85))
    try:
        assert people.look() == ["fired memory"]
        assert "of its memory" in people.last["text"]
    finally:
        redis.config_set("maxmemory", 0)
    assert people.look() == ["cleared memory"]


@pytest.mark.processes
def test_a_server_that_is_away(own_server: OwnServer, site: Sites, tuned: Tuned) -> None:
    server = site(lambda _: Answer())
    more = {"redis_url": own_server.settings.redis_url, "webhook_secret": SECRET, "alert_webhook_url": server.url}
    chosen = tuned(alert_rules=("redis",), alert_redis_after=1, **more)
    leader, other = Watch(chosen), Watch(chosen)
    people, quiet = People(server, leader), People(server, other)
    assert (people.look(), quiet.look()) == ([], [])
    own_server.kill()
    assert people.look() == []
    assert people.look(later=timedelta(seconds=2)) == ["fired redis"]
    assert (people.look(later=timedelta(seconds=4)), quiet.look(later=timedelta(seconds=4))) == ([], [])
    own_server.start_again()
    assert people.look(later=timedelta(seconds=6)) == ["cleared redis"]
    assert people.look(later=timedelta(seconds=8)) == []


def test_a_rule_that_is_not_wanted_says_nothing(redis: Redis, tuned: Tuned) -> None:
    watch = Watch(tuned(alert_rules=("memory",)))
    enqueue("web_tests.add", a=1)
    watch.turn(datetime.now(UTC))
    assert wrong(redis) == []
