"""The evaluator against a walk minute by minute through every clock change of every time zone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.schedules.rules import Cron, Every, Once
from jobs.schedules.ticks import count_ticks, last_ticks, next_tick, ticks_after

MINUTE, DAY = 60_000, 86_400_000
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

FIXED = ["0 0 * * *", "30 2 * * *", "0,30 1-3 * * *", "15 0,23 * * *", "59 1,2 * * sun"]
WILDCARD = ["* * * * *", "*/15 * * * *", "5 * * * *", "*/20 0 * * *", "* 2 * * *", "0 */2 * * *", "*/7 1-3 * * sun,mon"]
LINES = FIXED + WILDCARD


@cache
def changes() -> list[tuple[ZoneInfo, int]]:
    """One zone for each distinct clock change from 2024 to 2030, with its instant."""
    found: dict[tuple[int, int, int], tuple[ZoneInfo, int]] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for day in _days():
            before, after = _offset(day, zone), _offset(day + DAY, zone)
            if before != after:
                instant = _bisect(day, day + DAY, zone)
                found.setdefault((instant, before, after), (zone, instant))
    return list(found.values())


def _days() -> range:
    return range(round(FIRST.timestamp() * 1000), round(LAST.timestamp() * 1000), DAY)


def _offset(instant: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(instant / 1000, zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() * 1000)


def _bisect(low: int, high: int, zone: ZoneInfo) -> int:
    first = _offset(low, zone)
    while high - low > MINUTE:
        middle = (low + high) // 2 // MINUTE * MINUTE
        low, high = (middle, high) if _offset(middle, zone) == first else (low, middle)
    return high


class Line:
    """A crontab line read in the plainest way, without lists of names beyond those used here."""

    def __init__(self, text: str) -> None:
        minute, hour, _, _, weekday = text.split()
        self.minutes, self.hours = self._numbers(minute, 60), self._numbers(hour, 24)
        names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        self.weekdays = {names.index(name) for name in weekday.split(",")} if weekday != "*" else set(range(7))
        self.fixed = text in FIXED

    @staticmethod
    def _numbers(text: str, most: int) -> set[int]:
        if text.startswith("*"):
            return set(range(0, most, int(text[2:] or 1)))
        parts = [part.split("-") for part in text.split(",")]
        return {number for part in parts for number in range(int(part[0]), int(part[-1]) + 1)}

    def fits(self, local: datetime) -> bool:
        return local.minute in self.minutes and local.hour in self.hours and local.weekday() in self.weekdays


def walked(line: Line, zone: ZoneInfo, start: int, end: int) -> list[int]:
    """What fires in `start < tick <= end`, found by looking at every minute."""
    minutes = range(start - 2 * DAY, end + 1, MINUTE)
    shown = [(instant, datetime.fromtimestamp(instant / 1000, zone).replace(tzinfo=None)) for instant in minutes]
    found = _by_time_of_day(line, shown) if line.fixed else {instant for instant, local in shown if line.fits(local)}
    return sorted(instant for instant in found if start < instant <= end)


def _by_time_of_day(line: Line, shown: list[tuple[int, datetime]]) -> set[int]:
    """Each local time that fits, at the first instant that shows it, or else at the first that shows a later one."""
    found, wanted = set(), shown[0][1]
    for instant, local in shown:
        while wanted <= local:
            if line.fits(wanted):
                found.add(instant)
            wanted += timedelta(minutes=1)
    return found


def evaluated(text: str, zone: ZoneInfo, start: int, end: int) -> list[int]:
    return list(takewhile(lambda tick: tick <= end, ticks_after(Cron(text, zone), start)))


def _cases() -> Iterator[tuple[str, ZoneInfo, int]]:
    for number, (zone, change) in enumerate(changes()):
        for text in (LINES[number % len(LINES)], LINES[(number + 5) % len(LINES)]):
            yield text, zone, change


def test_every_clock_change_of_every_zone_is_evaluated_as_a_walk_by_minutes_would() -> None:
    assert len(changes()) > 300
    for text, zone, change in _cases():
        start, end = change - DAY - 7 * MINUTE, change + DAY
        assert evaluated(text, zone, start, end) == walked(Line(text), zone, start, end), (text, zone, change)


@pytest.mark.parametrize("text", LINES)
@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "America/Havana"])
def test_all_lines_agree_with_the_walk_in_zones_with_unusual_changes(text: str, name: str) -> None:
    zone = ZoneInfo(name)
    for _, change in [pair for pair in changes() if pair[0].key == name][:4] or [(zone, 1774746000000)]:
        start, end = change - DAY, change + DAY
        assert evaluated(text, zone, start, end) == walked(Line(text), zone, start, end)


@settings(deadline=None, max_examples=60)
@given(
    text=st.sampled_from(LINES),
    pair=st.sampled_from(changes()),
    shift=st.integers(-2 * DAY, 2 * DAY),
)
def test_where_a_walk_begins_changes_nothing(text: str, pair: tuple[ZoneInfo, int], shift: int) -> None:
    zone, change = pair
    everything = evaluated(text, zone, change - 3 * DAY, change + 10 * DAY)
    assert next_tick(Cron(text, zone), change + shift) == next(tick for tick in everything if tick > change + shift)


def test_a_daily_time_in_the_gap_fires_at_the_first_instant_after_it() -> None:
    spring = datetime(2026, 3, 28, 12, tzinfo=UTC)
    tick = next_tick(Cron("30 2 * * *", BERLIN), round(spring.timestamp() * 1000))
    assert datetime.fromtimestamp((tick or 0) / 1000, BERLIN).isoformat() == "2026-03-29T03:00:00+02:00"


def test_a_daily_time_in_the_fold_fires_the_first_time_only() -> None:
    autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)
    ticks = islice(ticks_after(Cron("30 2 * * *", BERLIN), round(autumn.timestamp() * 1000)), 2)
    shown = [datetime.fromtimestamp(tick / 1000, BERLIN).isoformat() for tick in ticks]
    assert shown == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]


def test_two_local_times_that_become_one_instant_are_one_tick() -> None:
    spring = round(datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp() * 1000)
    assert evaluated("0,15,30 2 * * *", BERLIN, spring, spring + 2 * 60 * MINUTE) == [spring + 30 * MINUTE]


@given(period=st.integers(1_000, 10**9), phase=st.integers(0, 10**9), after=st.integers(0, 4 * 10**12))
def test_an_interval_is_counted_from_1970_whenever_it_is_asked(period: int, phase: int, after: int) -> None:
    rule = Every(period, phase % period)
    tick = next_tick(rule, after)
    assert tick is not None
    assert after < tick <= after + period
    assert (tick - rule.phase) % period == 0


@settings(deadline=None, max_examples=60)
@given(
    text=st.sampled_from([*LINES, "*/10 * * * * *", "0 0 29 2 *"]),
    after=st.integers(1_700_000_000_000, 1_900_000_000_000),
    length=st.integers(0, 5 * DAY),
    most=st.integers(1, 20),
)
def test_the_last_ticks_are_the_end_of_all_ticks(text: str, after: int, length: int, most: int) -> None:
    rule = Cron(text, BERLIN)
    everything = evaluated(text, BERLIN, after, after + length)
    assert last_ticks(rule, after, after + length, most) == everything[-most:]
    assert count_ticks(rule, after, after + length, 2000) in (len(everything), None)


def test_a_clock_set_to_the_year_2200_costs_nothing() -> None:
    far = round(datetime(2200, 1, 1, tzinfo=UTC).timestamp() * 1000)
    assert len(last_ticks(Cron("* * * * *", BERLIN), 0, far, 100)) == 100
    assert count_ticks(Every(1000, 0), 0, far) == far // 1000
    assert count_ticks(Cron("* * * * *", BERLIN), 0, far) is None


def test_once_is_one_tick() -> None:
    assert list(ticks_after(Once(5_000), 4_999)) == [5_000]
    assert list(ticks_after(Once(5_000), 5_000)) == []
    assert next_tick(Cron("0 0 1 1 *", BERLIN), 253_402_300_000_000 - DAY) is None
