"""A clock that dies, or hears no reply, at any call to Redis: nothing is lost and nothing is doubled."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import ConnectionError as Broken

from jobs import audit, schedules
from jobs.connection import connect, use_client
from jobs.schedules import keys, store
from jobs.settings import Settings

from .breaking import BreakingProxy, breaking_proxy
from .conftest import HandClock, queued, schedule, stored

MINUTES = 4


@pytest.fixture
def proxy(redis_url: str) -> Iterator[BreakingProxy]:
    with breaking_proxy(redis_url) as started:
        yield started


def through(proxy: BreakingProxy, settings: Settings) -> Redis:
    return connect(settings.model_copy(update={"redis_url": SecretStr(f"redis://127.0.0.1:{proxy.port}/0")}))


def prepare(redis: Redis, settings: Settings) -> int:
    """A schedule that owes four ticks; gives the instant after which they lie."""
    redis.flushall()
    HandClock(redis, settings, "before").lead().synchronise(schedule(overlap="allow", catchup="all"))
    then = store.time_of(redis) // 60_000 * 60_000 - MINUTES * 60_000
    redis.hset(keys.schedule("work"), mapping={"cursor": then, "since": then})
    redis.zadd(keys.DUE, {"work": then + 60_000})
    redis.delete(keys.LEASE)
    return then


def work_of_a_clock(clock: HandClock) -> None:
    """All that a clock does, once."""
    clock.lease.hold()
    clock.synchronise(schedule(overlap="allow", catchup="all"))
    clock.decide()
    clock.settler.settle()
    clock.settler.start_waiting()
    clock.settler.backfill()
    clock.lease.drop()


def assert_each_tick_once(redis: Redis, then: int) -> None:
    expected = [f"work-{then + number * 60_000}" for number in range(1, MINUTES + 1)]
    assert queued(redis)[:MINUTES] == expected
    assert len(queued(redis)) == len(set(queued(redis)))
    assert stored(redis).cursor >= then + MINUTES * 60_000


@pytest.mark.parametrize("reply_only", [False, True], ids=["before the call", "before the reply"])
def test_a_clock_may_die_at_any_call(redis: Redis, settings: Settings, proxy: BreakingProxy, reply_only: bool) -> None:
    calls = 1
    while True:
        then = prepare(redis, settings)
        proxy.calls, proxy.break_at, proxy.reply_only, proxy.for_good = 0, calls, reply_only, True
        try:
            work_of_a_clock(HandClock(through(proxy, settings), settings, "dying"))
            died = False
        except Broken:
            died = True
        redis.delete(keys.LEASE)
        work_of_a_clock(HandClock(redis, settings, "the next one"))
        assert_each_tick_once(redis, then)
        if not died:
            break
        calls += 1
    assert calls > 8


@pytest.mark.parametrize("reply_only", [False, True], ids=["lost calls", "lost replies"])
def test_a_call_may_be_sent_twice(redis: Redis, settings: Settings, proxy: BreakingProxy, reply_only: bool) -> None:
    for number in range(1, 20):
        then = prepare(redis, settings)
        proxy.calls, proxy.break_at, proxy.reply_only = 0, number, reply_only
        work_of_a_clock(HandClock(through(proxy, settings), settings, "unlucky"))
        assert_each_tick_once(redis, then)


@pytest.mark.parametrize("reply_only", [False, True], ids=["lost calls", "lost replies"])
def test_what_a_person_does_may_be_sent_twice(
    redis: Redis, settings: Settings, proxy: BreakingProxy, reply_only: bool
) -> None:
    for number in range(1, 30):
        prepare(redis, settings)
        proxy.calls, proxy.break_at, proxy.reply_only = 0, number, reply_only
        use_client(through(proxy, settings))
        schedules.create({"id": "mine", "task": "clock.work", "every": 60}, actor="ada")
        schedules.edit("mine", {"args": {"number": 4}}, actor="ada", revision=1)
        schedules.pause("mine", note="why", actor="ada")
        schedules.resume("mine", actor="ada")
        schedules.run_now("mine", actor="ada")
        now = datetime.now(UTC)
        schedules.backfill("mine", now - timedelta(minutes=5), now, actor="ada")
        use_client(redis)
        assert schedules.get_schedule("mine").revision == 2
        assert redis.llen("rq:queue:default") == 1
        told = [entry.action for entry in audit.entries() if entry.subject == "mine"]
        assert told == [f"schedule.{act}" for act in ("backfill", "run", "resume", "pause", "edit", "create")]
