"""What happened of late, as the charts of the first page need it: read once for all tabs of a process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from flask import Flask, current_app

from jobs import monitor, stats
from jobs.stats import Deploy, Point

from .snapshot import Fresh

_NAME, _PACES, _TASKS = "nightshift.trends", "nightshift.paces", "nightshift.tasks"
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Range:
    """A span of time that the charts show: its words, the length of a step, the number of steps, how old it may be."""

    words: str
    step: timedelta
    points: int
    seconds: float

    def start(self, now: datetime) -> datetime:
        """When the first step begins, so that the last one is the present one; steps begin at whole multiples."""
        step = self.step.total_seconds()
        present = datetime.fromtimestamp(now.timestamp() // step * step, UTC)
        return present - (self.points - 1) * self.step


RANGES: Mapping[str, Range] = {
    "1h": Range("the last hour", _MINUTE, 60, 2),
    "24h": Range("the last 24 hours", _HOUR, 24, 20),
    "7d": Range("the last 7 days", 3 * _HOUR, 56, 20),
}


@dataclass(frozen=True, slots=True)
class Trend:
    """One reading. `arrivals` is known for the last hour only, as jobs expire."""

    range: Range
    points: Sequence[Point]
    deploys: Sequence[Deploy]
    arrivals: Sequence[int]


@dataclass(frozen=True, slots=True)
class Pace:
    """What a queue did in ten minutes: attempts that ended `per_minute`, and the p95 of its jobs' `wait` in seconds."""

    per_minute: float
    wait: float | None

    def drain(self, waiting: int) -> float | None:
        """Seconds until so many jobs are done at this pace, when none are added; None without any pace."""
        return waiting / self.per_minute * 60 if self.per_minute else None


def install(app: Flask) -> None:
    """Give the app a cached reading of each range."""
    app.extensions[_PACES] = Fresh(_read_paces, seconds=5)
    app.extensions[_TASKS] = Fresh(lambda: stats.by_task(datetime.now(UTC) - _HOUR), seconds=5)
    app.extensions[_NAME] = {name: Fresh(partial(read, chosen), chosen.seconds) for name, chosen in RANGES.items()}


def latest(name: str) -> Trend:
    """The reading that all tabs of this process share."""
    readings: Mapping[str, Fresh[Trend]] = current_app.extensions[_NAME]
    return readings[name].get()


def paces() -> Mapping[str, Pace]:
    """The pace of every queue, the last ten minutes taken together."""
    reading: Fresh[Mapping[str, Pace]] = current_app.extensions[_PACES]
    return reading.get()


def by_task() -> Mapping[str, Point]:
    """What every task did in the last hour."""
    reading: Fresh[Mapping[str, Point]] = current_app.extensions[_TASKS]
    return reading.get()


def read(chosen: Range) -> Trend:
    """Read it now."""
    now = datetime.now(UTC)
    start = chosen.start(now)
    points = stats.series(start, start + chosen.points * chosen.step, chosen.step)
    starts = [point.at for point in points]
    arrivals = monitor.arrivals(starts, chosen.step) if chosen.step == _MINUTE else []
    return Trend(chosen, points, stats.deploys(start), arrivals)


def _read_paces() -> Mapping[str, Pace]:
    return {name: _pace(name) for name in monitor.queue_names()}


def _pace(queue: str) -> Pace:
    """Ten whole minutes and what there is of the present one."""
    now = datetime.now(UTC)
    start = now.replace(second=0, microsecond=0) - 10 * _MINUTE
    [point] = stats.series(start, start + 11 * _MINUTE, 11 * _MINUTE, queue=queue)
    return Pace(sum(point.outcomes.values()) / ((now - start) / _MINUTE), point.wait.quantile(0.95))
