"""Everything that a scrape of the metrics tells, read in two round trips however much there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from . import connection, keys, stats
from .priorities import queue_of
from .schedules import keys as clock_keys
from .schedules.reads import OVERDUE
from .scripts import script
from .settings import current_settings
from .stats import Totals

MOST_SCHEDULES = 1000
SILENT = 10_000  # milliseconds without a sign, after which a clock counts as gone
REGISTRIES = ("wip", "scheduled", "failed", "canceled", "finished")
STATES = ("waiting", "started", "scheduled", "failed", "canceled", "finished")
"""Of jobs: those in a queue's list, then those in REGISTRIES."""


@dataclass(frozen=True, slots=True)
class QueueVitals:
    """A queue: jobs by state, seconds that the next one has waited, and how many workers listen to it."""

    name: str
    jobs: Mapping[str, int]
    oldest_wait: float
    paused: bool
    workers: int
    target: float


@dataclass(frozen=True, slots=True)
class ScheduleVitals:
    """A schedule: unix seconds of the last decided tick and the next one, None when there is none."""

    name: str
    last_tick: float | None
    next_tick: float | None
    missed: int


@dataclass(frozen=True, slots=True)
class ClockVitals:
    """The clock: `lag` is seconds since the oldest overdue tick was due, `lease_age` since the leader renewed."""

    leads: bool
    lease_age: float | None
    clocks: int
    schedules: int
    overdue: int
    lag: float


@dataclass(frozen=True, slots=True)
class Vitals:
    """The whole."""

    queues: Sequence[QueueVitals]
    schedules: Sequence[ScheduleVitals]
    clock: ClockVitals
    workers: int
    horses: int
    repaired: int
    quarantined: int
    memory: int
    max_memory: int
    clients: int
    totals: Totals


@dataclass(frozen=True, slots=True)
class _First:
    """The first round trip: what there is, and what can be read without knowing that."""

    queues: Sequence[str]
    workers: Sequence[str]
    schedules: Sequence[str]
    paused: frozenset[str]
    at: float
    rolled: bytes | None
    clock: Sequence[Any]
    server: Sequence[Any]


def read() -> Vitals:
    """Read it, by the clock of the server. Raises RedisUnavailable."""
    with connection.translate_errors():
        seen = _first()
        with connection.client().pipeline(transaction=True) as pipe:
            _ask(pipe, seen)
            asked = len(pipe)
            minute = stats.ask_everything(pipe, seen.rolled)
            replies = pipe.execute()
    answers = iter(replies[:asked])
    heads, clocks, overdue, due = islice(answers, 4)
    workers = [worker for worker in islice(answers, len(seen.workers)) if worker[0] is not None]
    listened = Counter(name for queues, _ in workers for name in queues.decode().split(","))
    memory, clients, repaired, quarantined = seen.server
    return Vitals(
        queues=[_queue(name, answers, head, seen, listened) for name, head in _pairs(seen.queues, heads)],
        schedules=[_schedule(name, score, next(answers)) for name, score in _pairs(seen.schedules, due)],
        clock=_clock(seen, clocks, overdue),
        workers=len(workers),
        horses=sum(int(horses or 1) for _, horses in workers),
        repaired=int(repaired or 0),
        quarantined=quarantined,
        memory=memory["used_memory"],
        max_memory=memory.get("maxmemory", 0),
        clients=clients["connected_clients"],
        totals=stats.totals_of(replies[asked:], minute),
    )


def _first() -> _First:
    with connection.client().pipeline(transaction=False) as pipe:
        pipe.smembers(keys.QUEUES)
        pipe.smembers(keys.WORKERS)
        pipe.zrange(clock_keys.ALL, 0, MOST_SCHEDULES - 1)
        pipe.hkeys(keys.PAUSED)
        pipe.time()
        pipe.get(keys.STATS_ROLLED)
        pipe.hgetall(clock_keys.LEASE)
        pipe.zcard(clock_keys.ALL)
        pipe.zrange(clock_keys.DUE, 0, 0, withscores=True)
        pipe.info("memory")
        pipe.info("clients")
        pipe.hget(keys.STATS, "repaired")
        pipe.hlen(keys.QUARANTINE)
        queues, workers, schedules, paused, (seconds, micros), rolled, *rest = pipe.execute()
    known = {queue_of(key.decode().removeprefix("rq:queue:")) for key in queues} | set(current_settings().queues)
    names = (sorted(known), sorted(_texts(workers)), _texts(schedules), frozenset(_texts(paused)))
    return _First(*names, seconds + micros / 1e6, rolled, rest[:3], rest[3:])


def _ask(pipe: Any, seen: _First) -> None:
    """The second round trip, in the order in which `read` takes the answers."""
    pipe.eval(script("heads").text, len(seen.queues), *map(keys.queue, seen.queues))
    pipe.zcount(clock_keys.CLOCKS, seen.at * 1000 - SILENT, "+inf")
    pipe.zcount(clock_keys.DUE, "-inf", seen.at * 1000 - OVERDUE)
    pipe.zmscore(clock_keys.DUE, seen.schedules or ["-"])
    for worker in seen.workers:
        pipe.hmget(worker, "queues", "horses")
    for queue in seen.queues:
        pipe.eval(script("waiting").text, 1, keys.queue(queue))
        for kind in REGISTRIES:
            pipe.zcard(keys.registry(kind, queue))
    for schedule in seen.schedules:
        pipe.hmget(clock_keys.schedule(schedule), "last_tick", "missed")


def _queue(name: str, answers: Iterator[int], head: bytes, seen: _First, listened: Mapping[str, int]) -> QueueVitals:
    jobs = dict(zip(STATES, answers, strict=False))  # takes as many answers as there are states
    target = current_settings().latency_target(name)
    return QueueVitals(name, jobs, _wait(head, seen.at), name in seen.paused, listened.get(name, 0), target)


def _wait(enqueued_at: bytes, at: float) -> float:
    try:
        return max(0.0, at - datetime.fromisoformat(enqueued_at.decode()).timestamp()) if enqueued_at else 0.0
    except ValueError:
        return 0.0


def _schedule(name: str, due: float | None, state: Sequence[bytes | None]) -> ScheduleVitals:
    last, missed = state
    return ScheduleVitals(name, int(last) / 1000 if last else None, due and due / 1000, int(missed or 0))


def _clock(seen: _First, clocks: int, overdue: int) -> ClockVitals:
    lease, schedules, oldest = seen.clock
    renewed = lease.get(b"renewed")
    return ClockVitals(
        leads=b"holder" in lease,
        lease_age=seen.at - int(renewed) / 1000 if renewed else None,
        clocks=clocks,
        schedules=schedules,
        overdue=overdue,
        lag=max(0.0, seen.at - oldest[0][1] / 1000) if oldest else 0.0,
    )


def _pairs(names: Sequence[str], answers: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Each name with its answer; one was asked for in vain where there are no names."""
    return zip(names, answers, strict=False)


def _texts(found: Iterable[bytes]) -> list[str]:
    return [name.decode() for name in found]
