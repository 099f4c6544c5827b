"""Clocks that a test drives by hand, and schedules whose time a test moves."""

import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from redis import Redis

from jobs import task
from jobs.schedules import keys, store
from jobs.schedules.deciding import Decider, Decision
from jobs.schedules.declaring import Timetable
from jobs.schedules.definitions import Definition, define
from jobs.schedules.leases import Lease
from jobs.schedules.planning import next_due
from jobs.schedules.settling import Settler
from jobs.schedules.store import Stored
from jobs.schedules.syncing import Report, synchronise
from jobs.settings import Settings


@task(name="clock.work")
def work(number: int = 0) -> int:
    """Do nothing, as a job of a schedule."""
    return number


class HandClock:
    """A clock process without the process: its pieces, one call at a time."""

    def __init__(self, client: Redis, settings: Settings, name: str = "a clock") -> None:
        self.client, self.settings = client, settings
        self.lease = Lease(client, settings.release, name)
        self.decider = Decider(client, settings, self.lease)
        self.settler = Settler(client, settings, name)

    def lead(self) -> "HandClock":
        assert self.lease.hold()
        return self

    def stand_by(self) -> "HandClock":
        assert not self.lease.hold()
        return self

    def synchronise(
        self, *definitions: Definition, release: str = "", problems: dict[str, str] | None = None
    ) -> Report:
        table = Timetable({definition.id: definition for definition in definitions}, problems or {})
        settings = self.settings.model_copy(update={"release": release or self.settings.release})
        return synchronise(table, self.client, settings, self.lease)

    def decide(self) -> list[Decision]:
        return self.decider.decide(self.decider.due())

    def outcomes(self) -> list[str]:
        return [decision.outcome for decision in self.decide()]


@pytest.fixture
def clock(redis: Redis, settings: Settings) -> HandClock:
    return HandClock(redis, settings).lead()


@pytest.fixture
def standby(clock: HandClock, redis: Redis, settings: Settings) -> HandClock:
    return HandClock(redis, settings, "a standby").stand_by()


def schedule(name: str = "work", **fields: Any) -> Definition:
    """A definition for tests: every minute unless it says otherwise."""
    rule = {} if {"cron", "at", "every"} & set(fields) else {"every": 60.0}
    return define(**{"id": name, "task": "clock.work", **rule, **fields})


def stored(client: Redis, name: str = "work") -> Stored:
    found = store.find(name, client)
    assert found is not None
    return found


def queued(client: Redis) -> list[str]:
    """The ids in the queue, in order."""
    return [job_id.decode() for job_id in cast("list[bytes]", client.lrange("rq:queue:default", 0, -1))]


@pytest.fixture
def rewind(redis: Redis) -> Callable[..., int]:
    """Make a schedule look as if nothing had been decided for some seconds; gives the instant up to which it was."""

    def move(seconds: float, name: str = "work") -> int:
        # Just before a full second another tick could come due between this and what the test does next.
        time.sleep(0.15 if store.time_of(redis) % 1000 > 850 else 0)
        then = store.time_of(redis) - round(seconds * 1000)
        redis.hset(keys.schedule(name), mapping={"cursor": then, "since": then})
        due = next_due(stored(redis, name), then)
        if due is not None:
            redis.zadd(keys.DUE, {name: due})
        return then

    return move


def end(client: Redis, job_id: str, status: str = "finished") -> None:
    """Let a job end, as a worker would write it."""
    client.lrem("rq:queue:default", 0, job_id)
    client.hset(f"rq:job:{job_id}", "status", status)


def start(client: Redis, job_id: str, lease: float = 9.0) -> None:
    """Let a job start, as a worker would write it; `lease` is in seconds from now."""
    client.lrem("rq:queue:default", 0, job_id)
    client.hset(f"rq:job:{job_id}", mapping={"status": "started", "execution": "e1", "worker_name": "w1"})
    client.zadd("rq:wip:default", {f"{job_id}:e1": store.time_of(client) / 1000 + lease})
