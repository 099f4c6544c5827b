"""Metrics for Prometheus, read from Redis at each scrape: no process keeps counters that a restart would reset."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs import monitor, schedules

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_STATES = ("waiting", "started", "scheduled", "failed", "finished")


class _Snapshot(Collector):
    def __init__(self, now: datetime) -> None:
        self._queues = monitor.queues(now)
        self._workers = monitor.workers()
        self._clock = schedules.clock_status()
        self._server = monitor.server()

    def collect(self) -> Iterator[Metric]:
        yield self._counts()
        yield self._waits()
        yield _gauge("nightshift_workers", "Workers that live.", len(self._workers))
        yield _gauge("nightshift_horses", "Horses of all workers.", sum(worker.horses for worker in self._workers))
        yield _gauge("nightshift_clock_leads", "1 while a clock leads.", self._clock.leader is not None)
        yield _gauge("nightshift_schedules_overdue", "Schedules with a tick that is overdue.", self._clock.overdue)
        yield _gauge("nightshift_redis_memory_bytes", "Memory that Redis uses.", self._server.memory)
        yield _gauge("nightshift_redis_clients", "Connections to Redis.", self._server.clients)

    def _counts(self) -> Metric:
        jobs = GaugeMetricFamily("nightshift_jobs", "Jobs by queue and state.", labels=["queue", "state"])
        for queue in self._queues:
            for state in _STATES:
                jobs.add_metric([queue.name, state], getattr(queue, state))
        return jobs

    def _waits(self) -> Metric:
        waits = GaugeMetricFamily(
            "nightshift_oldest_wait_seconds", "How long the next job has waited.", labels=["queue"]
        )
        for queue in self._queues:
            waits.add_metric([queue.name], queue.oldest_wait or 0.0)
        return waits


def text(now: datetime) -> bytes:
    """Everything in the text format. Raises RedisUnavailable."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(now))
    return generate_latest(registry)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)
