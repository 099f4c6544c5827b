"""How many jobs were enqueued in each minute of the last hour, counted in the index of all jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask, current_app

from jobs import connection, keys

from .snapshot import Fresh

_NAME = "nightshift.activity"
_MINUTES = 60
_MINUTE = timedelta(minutes=1)
_PITCH, _HEIGHT, _FEWEST = 10, 56, 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute: when it began, its jobs, and where its bar stands in a drawing of 600 by 56 units."""

    at: datetime
    count: int
    left: int
    height: float

    @property
    def top(self) -> float:
        """Where the bar begins."""
        return _HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Activity:
    """The last hour, the present minute at the end."""

    bars: list[Bar]
    total: int
    most: int

    @property
    def worth_a_look(self) -> bool:
        """Whether there is more to see than a bar or two."""
        return sum(bar.count > 0 for bar in self.bars) >= _FEWEST


def install(app: Flask) -> None:
    """Sixty counts are cheap, and cheaper when they are made every ten seconds."""
    app.extensions[_NAME] = Fresh(lambda: read(datetime.now(UTC)), seconds=10)


def latest() -> Activity:
    """The reading all tabs of this process share."""
    reading: Fresh[Activity] = current_app.extensions[_NAME]
    return reading.get()


def read(now: datetime) -> Activity:
    """Count in one round trip; each count costs the logarithm of the number of jobs."""
    first = now.replace(second=0, microsecond=0) - (_MINUTES - 1) * _MINUTE
    starts = [first + number * _MINUTE for number in range(_MINUTES)]
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for start in starts:
            pipe.zcount(keys.JOBS, _milliseconds(start), f"({_milliseconds(start + _MINUTE)}")
        counts: list[int] = pipe.execute()
    most = max(counts)
    bars = [
        Bar(start, count, number * _PITCH, _scaled(count, most))
        for number, (start, count) in enumerate(zip(starts, counts, strict=True))
    ]
    return Activity(bars, sum(counts), most)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _scaled(count: int, most: int) -> float:
    """A minute with a single job must still be seen beside one with thousands."""
    return round(max(2, count / most * _HEIGHT), 1) if count else 0
