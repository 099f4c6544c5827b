"""The rules: each looks at what is and says whether it is bad, good, or between the two marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from .. import connection, monitor, queues, stats
from ..connection import translate_errors
from ..health import FRESH
from ..registry import INTERNAL
from ..schedules import ClockStatus, clock_status
from ..settings import Settings
from ..stats import Point
from ..views import QueueView, ServerView
from . import keys

_FAILED = ("failed", "discarded", "crashed", "retrying")
_DEAD = ("failed", "discarded", "quarantined")
_LATELY, _HOUR = timedelta(minutes=5), timedelta(hours=1)
_MISSED_WITHIN = timedelta(minutes=15)
_LOW = 0.5  # what was above its mark is good again below this share of it
_LOW_MEMORY = 0.9  # memory falls slowly, and half of it may be in use for ever


class Rule(StrEnum):
    """What is watched."""

    FAILURES = "failures"
    LATENCY = "latency"
    WORKERS = "workers"
    MISSED = "missed"
    CLOCK = "clock"
    DEAD_LETTERS = "dead_letters"
    MEMORY = "memory"
    REDIS = "redis"


class Level(StrEnum):
    """Bad starts an incident when it lasts, good ends it when it lasts, between changes nothing."""

    GOOD = "good"
    BETWEEN = "between"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule sees; `subject` is such as a queue, `at_once` says that it need not last: it has happened."""

    rule: Rule
    subject: str
    level: Level
    text: str
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the rules look at, read in a few round trips."""

    now: datetime
    settings: Settings
    queues: list[QueueView]
    served: frozenset[str]
    paused: frozenset[str]
    clock: ClockStatus
    server: ServerView
    lately: Mapping[str, Point]
    hour: Mapping[str, Point]
    missed: list[Mapping[str, str]]

    @property
    def jobs_run(self) -> bool:
        """Whether a job that is enqueued now would be run soon, so that a message may go as one."""
        name = self.settings.internal_queue
        waits = next((queue.oldest_wait for queue in self.queues if queue.name == name), None)
        return name in self.served and name not in self.paused and (waits or 0.0) < _SOON and not self.memory_is_full

    @property
    def memory_is_full(self) -> bool:
        """Whether nothing new is accepted."""
        return self.memory >= 0.9

    @property
    def memory(self) -> float:
        """The used share of the memory that the server may use; 0 when there is no limit."""
        return self.server.memory / self.server.max_memory if self.server.max_memory else 0.0


_SOON = 30.0


def look(now: datetime, settings: Settings) -> World:
    """Read what the rules need. Raises RedisUnavailable."""
    alive = [worker for worker in monitor.workers() if worker.heartbeat and now - worker.heartbeat < FRESH]
    return World(
        now=now,
        settings=settings,
        queues=monitor.queues(now),
        served=frozenset(name for worker in alive for name in worker.queues),
        paused=frozenset(monitor.queue_names() if _suspended() else queues.paused()),
        clock=clock_status(),
        server=monitor.server(),
        lately=_without_ours(stats.by_task(now - _LATELY)),
        hour=_without_ours(stats.by_task(now - _HOUR)),
        missed=_missed(now - _MISSED_WITHIN),
    )


def readings(world: World) -> list[Reading]:
    """What every rule that is wanted sees. A subject that is gone, such as an empty queue, is simply not there."""
    wanted = {
        Rule.FAILURES: _failures,
        Rule.LATENCY: _latency,
        Rule.WORKERS: _workers,
        Rule.MISSED: _missed_ticks,
        Rule.CLOCK: _clock,
        Rule.DEAD_LETTERS: _dead_letters,
        Rule.MEMORY: _memory,
    }
    return [seen for rule, see in wanted.items() if rule in world.settings.alert_rules for seen in see(world)]


def _failures(world: World) -> Iterator[Reading]:
    """Of all tasks the worst: one incident when a database is away, and not one for each task that needs it."""
    mark, least = world.settings.alert_failure_rate, world.settings.alert_failure_least
    rates = {task: _rate(point) for task, point in world.lately.items() if _ended(point) >= least}
    if not rates:
        return
    task = max(rates, key=lambda name: rates[name])
    failed, ended = _sum(world.lately[task], _FAILED), _ended(world.lately[task])
    others = sum(rate >= mark for rate in rates.values()) - 1
    more = f", and too many of {_many(others, 'other task')}" if others > 0 else ""
    text = f"{failed} of {_many(ended, 'attempt')} of {task} failed within 5 minutes ({rates[task]:.0%}){more}"
    yield Reading(Rule.FAILURES, "", _level(rates[task], mark), text)


def _latency(world: World) -> Iterator[Reading]:
    for queue in world.queues:
        if queue.oldest_wait is not None and queue.name not in world.paused:
            text = f"queue {queue.name}: the oldest job has waited {_span(queue.oldest_wait)}"
            yield Reading(Rule.LATENCY, queue.name, _level(queue.oldest_wait, world.settings.alert_latency), text)


def _workers(world: World) -> Iterator[Reading]:
    for queue in world.queues:
        if queue.waiting and queue.name not in world.served | world.paused:
            text = f"queue {queue.name}: {_many(queue.waiting, 'job')} waiting, and no worker takes them"
            yield Reading(Rule.WORKERS, queue.name, Level.BAD, text)


def _missed_ticks(world: World) -> Iterator[Reading]:
    for schedule in {entry["schedule"]: entry for entry in world.missed}.values():
        count = f"{_many(int(schedule['count']), 'tick')}" if schedule["count"] else "ticks"
        text = f"schedule {schedule['schedule']} missed {count}: {schedule['reason']}"
        yield Reading(Rule.MISSED, schedule["schedule"], Level.BAD, text, at_once=True)


def _clock(world: World) -> Iterator[Reading]:
    """Without any schedule nobody misses the clock: workers start delayed jobs, too."""
    if world.clock.schedules and world.clock.leader is None:
        yield Reading(
            Rule.CLOCK, "", Level.BAD, f"no clock is alive, {_many(world.clock.schedules, 'schedule')} stand still"
        )
    elif world.clock.overdue:
        text = f"{_many(world.clock.overdue, 'schedule')} overdue, the worst by {_span(world.clock.worst)}"
        yield Reading(Rule.CLOCK, "", Level.BAD, text)


def _dead_letters(world: World) -> Iterator[Reading]:
    dead = {task: count for task, point in world.hour.items() if (count := _sum(point, _DEAD))}
    if dead:
        most = max(dead, key=lambda name: dead[name])
        text = f"{_many(sum(dead.values()), 'new dead letter')} within an hour, {dead[most]} of {most}"
        yield Reading(Rule.DEAD_LETTERS, "", _level(sum(dead.values()), world.settings.alert_dead_letters), text)


def _memory(world: World) -> Iterator[Reading]:
    text = f"Redis uses {world.memory:.0%} of its memory"
    yield Reading(Rule.MEMORY, "", _level(world.memory, world.settings.alert_memory, _LOW_MEMORY), text)


def _level(value: float, mark: float, low: float = _LOW) -> Level:
    if value >= mark:
        return Level.BAD
    return Level.GOOD if value < mark * low else Level.BETWEEN


def _suspended() -> bool:
    """Whether RQ's own switch holds every worker back."""
    with translate_errors():
        return bool(connection.client().exists(keys.SUSPENDED))


def _missed(since: datetime) -> list[Mapping[str, str]]:
    with translate_errors():
        found = connection.client().xrange(keys.MISSED, round(since.timestamp() * 1000))
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", found)
    return [{name.decode(): value.decode() for name, value in raw.items()} for _, raw in entries]


def _without_ours(points: Mapping[str, Point]) -> dict[str, Point]:
    """A receiver of webhooks that is down is its own matter."""
    return {task: point for task, point in points.items() if not task.startswith(INTERNAL)}


def _rate(point: Point) -> float:
    return _sum(point, _FAILED) / _ended(point)


def _ended(point: Point) -> int:
    return _sum(point, ("finished", *_FAILED))


def _sum(point: Point, outcomes: Iterable[str]) -> int:
    return sum(point.outcomes.get(outcome, 0) for outcome in outcomes)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
