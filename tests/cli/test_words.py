"""Lengths and times as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.words import Moment, ago, many, seconds_of, size, span
from jobs.settings import Settings, use_settings

NOW = datetime(2026, 11, 21, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("45s", 45), ("1.5m", 90), ("2h30m", 9000), ("7d", 604800), ("1w", 604800), ("2h 30m", 9000)],
)
def test_a_length_is_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "5y", "5 5", "m", "5m!"])
def test_what_is_no_length_is_refused(text: str) -> None:
    assert seconds_of(text) is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.31, "0.3 s"), (42, "42 s"), (60, "1 m"), (303, "5 m 3 s"), (7800, "2 h 10 m"), (273600, "3 d 4 h")],
)
def test_a_length_is_told_in_two_units(seconds: float, told: str) -> None:
    assert span(seconds) == told


def test_past_and_future_are_told_apart() -> None:
    assert ago(NOW - timedelta(minutes=5), NOW) == "5 m ago"
    assert ago(NOW + timedelta(minutes=5), NOW) == "in 5 m"
    assert ago(None, NOW) == ""


def test_sizes_and_numbers_are_told() -> None:
    assert (size(512), size(65536), size(5 * 2**30)) == ("512 B", "64.0 KB", "5.0 GB")
    assert (many(1, "job"), many(2000, "job")) == ("1 job", "2,000 jobs")


def test_a_time_without_an_offset_is_on_the_wall_clock_of_the_settings(settings: Settings) -> None:
    use_settings(settings.model_copy(update={"timezone": "Europe/Berlin"}))
    assert Moment().convert("2026-12-24T18:00", None, None).astimezone(UTC).hour == 17
    assert Moment().convert("2026-12-24T18:00+00:00", None, None).hour == 18
