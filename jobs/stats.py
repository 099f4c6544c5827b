"""What happened, in numbers: how attempts ended, how long they ran and how long their jobs had waited.

The script that settles an attempt counts it, in the same step and so exactly once (lua/parts/stats.lua). Minutes are
kept for 26 hours, hours for 35 days, and the total for ever. All times are aware UTC; reading changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from redis.client import Pipeline

from . import connection, keys
from .connection import Client, translate_errors
from .histograms import BOUNDS as BOUNDS
from .histograms import Histogram as Histogram
from .scripts import script
from .tallies import OUTCOMES as OUTCOMES
from .tallies import Field, Sums, Tally, fields
from .tallies import Point as Point

MINUTES_KEPT = 26 * 60
MOST_POINTS = 10_000
_HOURS_KEPT = 35 * 24
_MINUTES_AT_ONCE = 1500
_FIELDS_AT_ONCE = 2000
_DEPLOYS_KEPT = 1000
_NO_RELEASE = "dev"


@dataclass(frozen=True, slots=True)
class Totals:
    """What happened since the beginning: by (task, queue, outcome), by task, and by queue."""

    outcomes: Mapping[tuple[str, str, str], int]
    run: Mapping[str, Histogram]
    wait: Mapping[str, Histogram]


@dataclass(frozen=True, slots=True)
class Deploy:
    """When a process of a release started for the first time."""

    at: datetime
    release: str


def series(
    start: datetime, end: datetime, step: timedelta, *, task: str | None = None, queue: str | None = None
) -> list[Point]:
    """What happened between two instants, step by step from `start` (its whole minute) on.

    Of what is older than 26 hours only whole hours are known; each counts in the step in which it began. Raises
    ValueError when the step is not whole minutes, or when there would be more than 10,000 of them.
    """
    first, last, width = _minute(start), _minute_after(end), _width(step)
    number = -(-(last - first) // width)
    if number > MOST_POINTS:
        raise ValueError(f"step of {width} min gives {number} points; at most {MOST_POINTS} are accepted")
    tallies = [Tally() for _ in range(number)]
    for minute, raw in _read(first, last, width):
        tallies[max(0, minute - first) // width].add(raw, task, queue)
    return [tally.point(first + at * width) for at, tally in enumerate(tallies)]


def by_task(since: datetime) -> Mapping[str, Point]:
    """What happened since an instant (its whole minute), for each task."""
    return _by(lambda field: field.task, since)


def by_queue(since: datetime) -> Mapping[str, Point]:
    """What happened since an instant (its whole minute), for each queue."""
    return _by(lambda field: field.queue, since)


def totals() -> Totals:
    """What happened since the beginning, this moment included; no number in it ever falls."""
    client = connection.client()
    with translate_errors():
        rolled = client.get(keys.STATS_ROLLED)
        with client.pipeline(transaction=True) as pipe:
            first = ask_everything(pipe, rolled)
            return totals_of(pipe.execute(), first)


def ask_everything(pipe: Pipeline, rolled: bytes | str | None) -> int:
    """Add to a transaction what `totals_of` needs, from the minute on that it gives; `rolled` is from STATS_ROLLED."""
    now = _minute_after(datetime.now(UTC)) + 1
    first = int(rolled or now - MINUTES_KEPT) + 1
    pipe.get(keys.STATS_ROLLED)
    pipe.hgetall(keys.STATS_TOTAL)
    for minute in range(first, now + 1):
        pipe.hgetall(keys.stats_minute(minute))
    return first


def totals_of(replies: Sequence[Any], first: int) -> Totals:
    """The total, and the minutes that are not in it: read in one step, so that a roll-up meanwhile changes nothing."""
    rolled, total, *minutes = replies
    sums = Sums()
    for raw in (total, *minutes[max(0, int(rolled or 0) + 1 - first) :]):
        sums.add(raw)
    return Totals(sums.outcomes, sums.run, sums.wait)


def roll_up(client: Client) -> None:
    """Add finished minutes to their hours and to the total; anyone may, at any time. Raises RedisUnavailable."""
    names = [keys.STATS_ROLLED, keys.STATS_TOTAL]
    args = [_MINUTES_AT_ONCE, _FIELDS_AT_ONCE, MINUTES_KEPT * 60, _HOURS_KEPT * 3600]
    with translate_errors():
        while script("roll_up")(names, args, client):
            pass


def mark_deploy(client: Client, release: str, at: datetime) -> None:
    """Note that a process of this release has started; the first one counts. Raises RedisUnavailable."""
    if release == _NO_RELEASE:
        return
    with translate_errors():
        if client.zadd(keys.DEPLOYS, {release: at.timestamp()}, nx=True):
            client.zremrangebyrank(keys.DEPLOYS, 0, -_DEPLOYS_KEPT - 1)


def deploys(since: datetime) -> list[Deploy]:
    """The releases that started since an instant, the first one first."""
    with translate_errors():
        found = connection.client().zrangebyscore(keys.DEPLOYS, since.timestamp(), "+inf", withscores=True)
    marks = cast("list[tuple[bytes, float]]", found)
    return [Deploy(datetime.fromtimestamp(at, UTC), release.decode()) for release, at in marks]


def _by(name_of: Callable[[Field], str], since: datetime) -> Mapping[str, Point]:
    first, now = _minute(since), _minute_after(datetime.now(UTC))
    tallies: dict[str, Tally] = defaultdict(Tally)
    for _, raw in _read(first, now, max(1, now - first)):
        for field, value in fields(raw):
            tallies[name_of(field)].count(field, value)
    return {name: tally.point(first) for name, tally in sorted(tallies.items())}


def _read(first: int, last: int, width: int) -> Iterator[tuple[int, Mapping[bytes, bytes]]]:
    """The counters between two minutes, each with its first minute; whole hours at once where that is the same."""
    with translate_errors():
        rolled = int(connection.client().get(keys.STATS_ROLLED) or 0)
    chosen = list(_chosen(first, last, width, rolled))
    yield from zip((minute for minute, _ in chosen), _hashes(key for _, key in chosen), strict=True)


def _chosen(first: int, last: int, width: int, rolled: int) -> Iterator[tuple[int, str]]:
    kept = _minute(datetime.now(UTC)) - MINUTES_KEPT
    for hour in range(first // 60, -(-last // 60)):
        begin, end = hour * 60, hour * 60 + 60
        within = first <= begin and end <= last and (begin - first) // width == (end - 1 - first) // width
        if end <= kept or (within and end <= rolled + 1):
            yield begin, keys.stats_hour(hour)
        else:
            yield from ((minute, keys.stats_minute(minute)) for minute in range(max(first, begin), min(last, end)))


def _hashes(names: Iterable[str]) -> list[Mapping[bytes, bytes]]:
    with translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(name)
        return cast("list[Mapping[bytes, bytes]]", pipe.execute())


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60


def _minute_after(at: datetime) -> int:
    return -int(-at.timestamp() // 60)


def _width(step: timedelta) -> int:
    width, rest = divmod(step, timedelta(minutes=1))
    if width < 1 or rest:
        raise ValueError(f"step is {step}; whole minutes are accepted, at least one")
    return width
