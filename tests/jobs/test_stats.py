"""What is counted, how it is summed up, and what is read of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from redis import Redis

from jobs import keys, stats
from jobs.histograms import BOUNDS, Histogram, bucket_of
from jobs.settings import Settings

HOUR = 3600
MINUTE = timedelta(minutes=1)


def _count(redis: Redis, minute: int, task: str = "work", queue: str = "default", *, times: int = 1) -> None:
    key = keys.stats_minute(minute)
    redis.hincrby(key, f"n|{task}|{queue}|finished|2|4", times)
    redis.hincrby(key, f"r|{task}|{queue}", 20_000 * times)
    redis.hincrby(key, f"w|{task}|{queue}", 90_000 * times)


def _now(redis: Redis) -> int:
    answer: Any = redis.time()
    return int(answer[0]) // 60


def _at(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


@pytest.mark.parametrize("seconds", [0, 0.0049, 0.005, 0.7, 3600, 1e9])
def test_a_duration_is_within_the_bounds_of_its_bucket(seconds: float) -> None:
    bucket = bucket_of(seconds)
    assert bucket == len(BOUNDS) or seconds <= BOUNDS[bucket]
    assert bucket == 0 or seconds > BOUNDS[bucket - 1]


def test_quantiles_are_interpolated() -> None:
    counts = [0] * (len(BOUNDS) + 1)
    counts[bucket_of(0.2)], counts[bucket_of(0.4)] = 100, 100
    histogram = Histogram(tuple(counts), 60.0)
    assert (histogram.count, histogram.mean) == (200, 0.3)
    assert histogram.quantile(0.25) == pytest.approx(0.175)
    assert histogram.quantile(0.5) == pytest.approx(0.25)
    assert histogram.quantile(0.75) == pytest.approx(0.375)
    assert histogram.quantile(1.0) == pytest.approx(0.5)


def test_a_quantile_of_nothing_is_none_and_that_of_the_last_bucket_its_lower_bound() -> None:
    assert Histogram().quantile(0.5) is None
    assert Histogram((0,) * len(BOUNDS) + (1,), 9999.0).quantile(0.99) == BOUNDS[-1]


def test_a_series_has_every_step_and_goes_over_minutes_and_hours_that_are_rolled_up_or_not(redis: Redis) -> None:
    now = _now(redis)
    first = now - 180
    for minute in range(first, now + 1):
        _count(redis, minute)
    before = stats.series(_at(first), _at(now + 1), MINUTE)
    stats.roll_up(redis)
    after = stats.series(_at(first), _at(now + 1), MINUTE)
    assert [point.outcomes["finished"] for point in after] == [1] * 181
    assert before == after
    hours = stats.series(_at(first // 60 * 60), _at(now + 1), timedelta(hours=1))
    assert sum(point.outcomes["finished"] for point in hours) == 181
    assert [point.at.minute for point in hours] == [0] * len(hours)
    assert stats.series(_at(first), _at(now + 1), timedelta(days=1))[0].run.total_seconds == pytest.approx(181 * 0.02)


def test_whole_hours_are_read_from_the_hours(redis: Redis) -> None:
    hour = _now(redis) // 60 - 3
    _count(redis, hour * 60 + 7, times=5)
    stats.roll_up(redis)
    redis.delete(keys.stats_minute(hour * 60 + 7))
    (point,) = stats.series(_at(hour * 60), _at(hour * 60 + 60), timedelta(hours=1))
    assert (point.outcomes["finished"], point.wait.count) == (5, 5)


def test_what_is_older_than_the_minutes_counts_in_the_step_in_which_its_hour_began(redis: Redis) -> None:
    hour = _now(redis) // 60 - 48
    redis.hincrby(keys.stats_hour(hour), "n|work|default|failed|1|1", 3)
    points = stats.series(_at(hour * 60 - 30), _at(hour * 60 + 90), timedelta(minutes=15))
    assert [point.outcomes["failed"] for point in points] == [0, 0, 3, 0, 0, 0, 0, 0]


def test_a_series_can_be_of_one_task_or_queue(redis: Redis) -> None:
    now = _now(redis)
    _count(redis, now, "a|b", "high", times=2)
    _count(redis, now, "work", "low", times=3)
    (one,) = stats.series(_at(now), _at(now + 1), MINUTE, task="a|b")
    (other,) = stats.series(_at(now), _at(now + 1), MINUTE, queue="low")
    assert (one.outcomes["finished"], other.outcomes["finished"]) == (2, 3)
    assert (one.run.total_seconds, other.wait.total_seconds) == pytest.approx((0.04, 0.27))


@pytest.mark.parametrize(("step", "complaint"), [(timedelta(seconds=90), "whole minutes"), (MINUTE, "at most 10,000")])
def test_a_step_that_cannot_be_is_refused(step: timedelta, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace(",", "")):
        stats.series(_at(0), _at(10_001), step)


def test_totals_are_the_same_before_and_after_every_roll_up(redis: Redis) -> None:
    now = _now(redis)
    for minute in (now - 120, now - 5, now):
        _count(redis, minute, times=2)
    seen = stats.totals()
    assert seen.outcomes == {("work", "default", "finished"): 6}
    assert seen.run["work"].count == 6
    assert seen.wait["default"].total_seconds == pytest.approx(0.54)
    for _ in range(2):
        stats.roll_up(redis)
        assert stats.totals() == seen


def test_many_processes_roll_up_at_once_and_every_minute_counts_once(redis: Redis, settings: Settings) -> None:
    from jobs.connection import connect

    now = _now(redis)
    for minute in range(now - 600, now - 2):
        _count(redis, minute)
    threads = [Thread(target=stats.roll_up, args=(connect(settings),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert redis.hget(keys.STATS_TOTAL, "n|work|default|finished|2|4") == b"598"
    assert redis.get(keys.STATS_ROLLED) == b"%d" % (now - 2)


def test_minutes_are_rolled_up_after_days_without_any_process(redis: Redis) -> None:
    now = _now(redis)
    redis.set(keys.STATS_ROLLED, now - 5 * 1440)
    _count(redis, now - 4 * 1440)
    stats.roll_up(redis)
    assert redis.hget(keys.STATS_TOTAL, "n|work|default|finished|2|4") == b"1"


def test_rolled_minutes_and_hours_expire_and_the_total_does_not(redis: Redis) -> None:
    now = _now(redis)
    _count(redis, now - 5)
    stats.roll_up(redis)
    assert 0 < int(str(redis.ttl(keys.stats_minute(now - 5)))) <= 26 * HOUR
    assert 34 * 24 * HOUR < int(str(redis.ttl(keys.stats_hour((now - 5) // 60)))) <= 35 * 24 * HOUR
    assert redis.ttl(keys.STATS_TOTAL) == -1


def test_the_first_start_of_a_release_is_a_deploy(redis: Redis) -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    for minutes, release in enumerate(("dev", "v1", "v1", "v2")):
        stats.mark_deploy(redis, release, at + minutes * MINUTE)
    assert stats.deploys(at) == [stats.Deploy(at + MINUTE, "v1"), stats.Deploy(at + 3 * MINUTE, "v2")]
    assert [deploy.release for deploy in stats.deploys(at + 2 * MINUTE)] == ["v2"]
