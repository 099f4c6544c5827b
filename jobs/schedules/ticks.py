"""The instants at which a rule fires.

Clock changes follow Debian's cron, as cronsim does. A rule that names times of day fires once for each of them: in a
gap at the first instant after it, in a fold the first time. A rule with a wildcard follows real time: what a gap
leaves out does not happen, what a fold repeats happens twice. Two local times that become one instant are one tick.
cronsim parses and matches here on the plain local calendar only: given a zone, it loses or invents ticks of wildcard
rules around midnight and half-hour changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from .rules import Cron, Every, Once, Rule

_DAY = 86_400
_FIRST_SPAN = 60_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the local calendar has no zone


def ticks_after(rule: Rule, after: int) -> Iterator[int]:
    """Every tick later than an instant, in order."""
    match rule:
        case Every():
            return _every_after(rule, after)
        case Once():
            return iter([rule.at] if rule.at > after else [])
        case Cron():
            return _distinct(_fixed(rule, after) if rule.fixed else _wildcard(rule, after), after)


def next_tick(rule: Rule, after: int) -> int | None:
    """The first tick later than an instant; None when there is none."""
    return next(ticks_after(rule, after), None)


def last_ticks(rule: Rule, after: int, until: int, most: int) -> list[int]:
    """The last ticks of `after < tick <= until`, at most so many.

    The cost depends on `most`, never on the length of the range: it looks back in growing steps.
    """
    span = _FIRST_SPAN
    while True:
        start = max(after, until - span)
        found = deque(_between(rule, start, until), maxlen=most)
        if start == after or len(found) == most:
            return list(found)
        span *= 4


def count_ticks(rule: Rule, after: int, until: int, most: int = 1000) -> int | None:
    """How many ticks lie in `after < tick <= until`; None when there are more than is worth counting."""
    if isinstance(rule, Every):
        return max(0, (until - rule.phase) // rule.period - (after - rule.phase) // rule.period)
    counted = sum(1 for _ in islice(_between(rule, after, until), most + 1))
    return counted if counted <= most else None


def _between(rule: Rule, after: int, until: int) -> Iterator[int]:
    return takewhile(lambda tick: tick <= until, ticks_after(rule, after))


def _every_after(rule: Every, after: int) -> Iterator[int]:
    tick = (after - rule.phase) // rule.period * rule.period + rule.phase
    while True:
        tick += rule.period
        yield tick


def _distinct(instants: Iterator[int], after: int) -> Iterator[int]:
    """Seconds as milliseconds, without what is not later than the one before."""
    for seconds in instants:
        if seconds * 1000 > after:
            after = seconds * 1000
            yield after


def _fixed(rule: Cron, after: int) -> Iterator[int]:
    offset = _offset(after // 1000, rule.zone)
    for local in _matches(rule, after // 1000 + offset):
        yield _instant(local, rule.zone)


def _wildcard(rule: Cron, after: int) -> Iterator[int]:
    """Between two clock changes local time is real time plus a constant, so each stretch is walked by itself."""
    stretch: int | None = after // 1000
    while stretch is not None:
        offset = _offset(stretch, rule.zone)
        begin, stretch = stretch, None
        for local in _matches(rule, begin + offset - 1):
            stretch = _first_change(begin, local - offset, rule.zone)
            if stretch is not None:
                break
            begin = local - offset
            yield begin


def _matches(rule: Cron, local: int) -> Iterator[int]:
    """The seconds of the local calendar, later than the given one, that fit the rule."""
    try:
        for match in CronSim(rule.text, _EPOCH + timedelta(seconds=local)):
            yield round((match - _EPOCH).total_seconds())
    except OverflowError:  # the calendar ends with the year 9999
        return


def _instant(local: int, zone: ZoneInfo) -> int:
    """When the wall clock shows a local time for the first time, or, in a gap, when it has jumped over it."""
    wall = (_EPOCH + timedelta(seconds=local)).replace(tzinfo=zone)
    before, after = (local - _seconds(wall.replace(fold=fold)) for fold in (0, 1))
    if before <= after:
        return before
    return _first_change(after, before, zone) or before


def _offset(instant: int, zone: ZoneInfo) -> int:
    return _seconds(datetime.fromtimestamp(instant, UTC).astimezone(zone))


def _seconds(moment: datetime) -> int:
    offset = moment.utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def _first_change(start: int, end: int, zone: ZoneInfo) -> int | None:
    """The first instant of `start < instant <= end` with another offset than at the start."""
    offset = _offset(start, zone)
    for day in range(start, end, _DAY):
        if _offset(min(day + _DAY, end), zone) != offset:
            return _bisect(day, min(day + _DAY, end), offset, zone)
    return None


def _bisect(low: int, high: int, offset: int, zone: ZoneInfo) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
    return high
