"""Metrics for Prometheus: of jobs and processes from Redis, where no restart resets them; of HTTP from this web."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from jobs import vitals
from jobs.histograms import Histogram
from jobs.settings import current_settings
from jobs.stats import Totals
from jobs.vitals import ClockVitals, QueueVitals, ScheduleVitals, Vitals

from . import measuring
from .exposition import counters, gauge, gauges, histograms

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
MOST_TASKS = 1000
OTHER = "other"
"""Stands for all tasks after the first thousand by name, so that no label has values without end."""


def text() -> bytes:
    """Everything in the text format. Raises RedisUnavailable."""
    seen = vitals.read()
    lines = chain(
        _of_this_release(),
        _of_attempts(seen.totals),
        _of_queues(seen.queues),
        _of_workers(seen),
        _of_schedules(seen.schedules),
        _of_the_clock(seen.clock),
        _of_the_server(seen),
    )
    return "\n".join(lines).encode() + b"\n" + measuring.text()


def _of_this_release() -> Iterator[str]:
    values = (current_settings().release, platform.python_version())
    yield from gauges("nightshift_build_info", "What is running.", ("release", "python"), [(values, 1)])


def _of_attempts(totals: Totals) -> Iterator[str]:
    known = sorted({task for task, _, _ in totals.outcomes} | totals.run.keys())
    others = frozenset(known[MOST_TASKS:])
    yield from counters(
        "nightshift_attempts_total",
        "Attempts that ended, and jobs that ended without one; failed ones became dead letters.",
        ("task", "queue", "outcome"),
        _outcomes(totals.outcomes, others).items(),
    )
    runs = _runs(totals.run, others)
    yield from histograms("nightshift_attempt_duration_seconds", "How long attempts ran.", "task", runs)
    waits = "How long jobs waited before an attempt."
    yield from histograms("nightshift_queue_wait_seconds", waits, "queue", totals.wait)


def _outcomes(found: Mapping[tuple[str, str, str], int], others: frozenset[str]) -> Mapping[tuple[str, str, str], int]:
    """The same, with all that is of other tasks summed up."""
    if not others:
        return found
    summed: dict[tuple[str, str, str], int] = {}
    for (task, queue, outcome), count in found.items():
        labels = (OTHER if task in others else task, queue, outcome)
        summed[labels] = summed.get(labels, 0) + count
    return summed


def _runs(found: Mapping[str, Histogram], others: frozenset[str]) -> Mapping[str, Histogram]:
    if not others:
        return found
    kept = {task: run for task, run in found.items() if task not in others}
    return kept | {OTHER: Histogram.merged(run for task, run in found.items() if task in others)}


def _of_queues(queues: Sequence[QueueVitals]) -> Iterator[str]:
    yield from gauges(
        "nightshift_jobs",
        "Jobs by queue and state; failed ones are dead letters.",
        ("queue", "state"),
        (((queue.name, state), count) for queue in queues for state, count in queue.jobs.items()),
    )
    of_each = {
        "nightshift_oldest_wait_seconds": ("How long the next job has waited.", "oldest_wait"),
        "nightshift_queue_latency_target_seconds": ("How long a job may wait, by QUEUE_LATENCY.", "target"),
        "nightshift_queue_paused": ("1 while the queue is paused.", "paused"),
        "nightshift_queue_workers": ("Workers that listen to the queue.", "workers"),
    }
    for name, (about, field) in of_each.items():
        yield from gauges(name, about, ("queue",), (((queue.name,), getattr(queue, field)) for queue in queues))


def _of_workers(seen: Vitals) -> Iterator[str]:
    busy = min(seen.horses, sum(queue.jobs["started"] for queue in seen.queues))
    yield from gauge("nightshift_workers", "Workers that live.", seen.workers)
    states = [(("busy",), busy), (("idle",), seen.horses - busy)]
    yield from gauges("nightshift_horses", "Horses of all workers.", ("state",), states)


def _of_schedules(schedules: Sequence[ScheduleVitals]) -> Iterator[str]:
    """The first thousand by name."""
    last = [((one.name,), one.last_tick) for one in schedules if one.last_tick is not None]
    coming = [((one.name,), one.next_tick) for one in schedules if one.next_tick is not None]
    name, label = "nightshift_schedule", ("schedule",)
    yield from gauges(f"{name}_last_tick_timestamp_seconds", "The last tick that was decided.", label, last)
    yield from gauges(f"{name}_next_tick_timestamp_seconds", "When the next tick is due.", label, coming)
    missed = [((one.name,), one.missed) for one in schedules]
    yield from counters(f"{name}_missed_ticks_total", "Ticks that the clock had to give up.", label, missed)


def _of_the_clock(clock: ClockVitals) -> Iterator[str]:
    yield from gauge("nightshift_clocks", "Clocks that live.", clock.clocks)
    yield from gauge("nightshift_clock_leads", "1 while a clock leads.", clock.leads)
    if clock.lease_age is not None:
        yield from gauge("nightshift_clock_lease_age_seconds", "Since the leader renewed its lease.", clock.lease_age)
    lag = "Since the oldest tick was due that is not decided."
    yield from gauge("nightshift_clock_lag_seconds", lag, clock.lag)
    yield from gauge("nightshift_schedules", "Schedules.", clock.schedules)
    yield from gauge("nightshift_schedules_overdue", "Schedules with a tick that is overdue.", clock.overdue)


def _of_the_server(seen: Vitals) -> Iterator[str]:
    repairs = "Accepted jobs that were lost and put back."
    yield from counters("nightshift_ledger_repairs_total", repairs, (), [((), seen.repaired)])
    yield from gauge("nightshift_quarantined_jobs", "Records that cannot be run, kept for a look.", seen.quarantined)
    yield from gauge("nightshift_redis_memory_bytes", "Memory that Redis uses.", seen.memory)
    yield from gauge("nightshift_redis_memory_max_bytes", "What it may use; 0 is no limit.", seen.max_memory)
    yield from gauge("nightshift_redis_clients", "Connections to Redis.", seen.clients)
