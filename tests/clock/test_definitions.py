"""What may be written in tasks/schedules.py, and what is said of the rest."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import cron, every, once, task
from jobs.schedules.declaring import Timetable, empty_timetable
from jobs.schedules.definitions import read, sketch
from jobs.schedules.words import in_words

from .conftest import schedule, work


@pytest.fixture
def table() -> Iterator[Timetable]:
    with empty_timetable() as fresh:
        yield fresh


def test_a_schedule_is_named_after_its_task(table: Timetable) -> None:
    assert every(work, minutes=5) is work
    assert [(name, found.task) for name, found in table.definitions.items()] == [("clock.work", "clock.work")]


def test_each_kind_is_also_a_decorator(table: Timetable) -> None:
    @cron(day_of_week="mon-fri", hour=17, name="as_in_the_article")
    @every(minutes=3, name="three")
    @task(name="clock.decorated")
    def decorated() -> None:
        """Do nothing."""

    once("2027-01-01T00:00", name="new_year")(decorated)
    assert sorted(table.definitions) == ["as_in_the_article", "new_year", "three"]
    assert table.problems == {}


@pytest.mark.parametrize(
    ("fields", "crontab"),
    [
        ({"hour": 17}, "0 17 * * *"),
        ({"day_of_week": "mon-fri", "hour": 17}, "0 17 * * MON-FRI"),
        ({"minute": "*/5"}, "*/5 * * * *"),
        ({"day_of_week": "sat-sun"}, "0 0 * * SAT-7"),
        ({"day": "last", "hour": 6, "minute": 30}, "30 6 L * *"),
        ({"month": 6}, "0 0 1 6 *"),
        ({"second": "*/10"}, "*/10 * * * * *"),
    ],
)
def test_the_articles_keywords_are_a_crontab_line(table: Timetable, fields: Any, crontab: str) -> None:
    cron(work, **fields)
    assert table.definitions["clock.work"].cron == crontab


@pytest.mark.parametrize(
    ("declare", "reason"),
    [
        (lambda: cron(work, "61 * * * *"), "crontab '61 * * * *': bad minute"),
        (lambda: cron(work, "0 0 30 2 *"), "bad day-of-month"),
        (lambda: cron(work), "either a crontab line or keywords"),
        (lambda: cron(work, day_of_week="0", hour=1), "0 is Monday to APScheduler and Sunday to crontab"),
        (lambda: cron(work, day=1, day_of_week="mon"), "'and' to APScheduler and 'or' to crontab"),
        (lambda: cron(work, hour=1, timezone="Europe/Atlantis"), "'Europe/Atlantis' is not an IANA time zone"),
        (lambda: every(work), "one second to ten years"),
        (lambda: every(work, minutes="5"), "unsupported type"),  # type: ignore[call-overload]
        (lambda: every(work, minutes=1, jitter=timedelta(minutes=1)), "jitter must be shorter"),
        (lambda: every(work, minutes=1, overlap="sometimes"), "overlap: Input should be 'skip'"),  # type: ignore[call-overload]
        (lambda: every(work, minutes=1, args={"numbr": 1}), "/numbr: Extra inputs are not permitted"),
        (lambda: every(work, minutes=1, name="a b"), "must be words"),
        (lambda: every(work, minuts=1), "minuts: Extra inputs"),  # type: ignore[call-overload]
        (lambda: once(work, "soon"), "at: Input should be a valid datetime"),
        (lambda: every(print, minutes=1), "no task is named"),
    ],
)
def test_a_wrong_one_is_told_with_its_reason_and_stops_no_other(
    table: Timetable, declare: Callable[[], object], reason: str
) -> None:
    declare()
    every(work, minutes=5, name="good")
    [problem] = table.problems.values()
    assert reason in problem
    assert list(table.definitions) == ["good"]


def test_two_of_one_name_are_told(table: Timetable) -> None:
    every(work, minutes=5)
    every(work, minutes=6)
    assert "two have this name" in table.problems["clock.work"]
    assert table.definitions["clock.work"].every == 300


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"every": 60.0}, "every minute"),
        ({"every": timedelta(hours=1, minutes=30)}, "every 1 hour 30 minutes"),
        ({"every": 3600.0, "phase": 300.0}, "every hour, 5 minutes after the full interval"),
        ({"cron": "@daily", "timezone": "Asia/Tokyo"}, "at 00:00 every day, Asia/Tokyo time"),
        ({"at": datetime(2026, 12, 24, 17, tzinfo=UTC)}, "once, on Thursday 24 December 2026 at 17:00:00, UTC time"),
    ],
)
def test_a_rule_is_said_in_words(fields: dict[str, Any], words: str) -> None:
    assert in_words(sketch(id="x", task="", **fields)) == words


def test_a_stored_definition_reads_back_and_tolerates_a_newer_release() -> None:
    definition = schedule(cron="0 17 * * mon-fri", timezone="Europe/Berlin", args={"number": 3}, overlap="replace")
    assert read(definition.text()) == definition
    newer = definition.text()[:-1] + ',"colour":"red"}'
    assert read(newer) == definition


@given(tick=st.integers(0, 4 * 10**12), jitter=st.integers(1, 59))
def test_jitter_is_the_same_for_the_same_tick_and_within_its_bound(tick: int, jitter: int) -> None:
    definition = sketch(id="x", task="", every=60.0, jitter=jitter)
    assert tick <= definition.due(tick) < tick + jitter * 1000
    assert definition.due(tick) == sketch(id="x", task="", every=60.0, jitter=jitter).due(tick)


def test_ids_with_dots_and_dashes_give_different_jobs() -> None:
    assert schedule("a.b").job_id(5) == "a--b-5"
    assert schedule("a-b").job_id(5) == "a-b-5"
