"""Real clock processes and real signals."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from cli import server
from jobs import schedules

from .processes import AN_HOUR_AHEAD_THEN_TWO_BEHIND, EVERY_SECOND, ClockProcess, clocks, decided

pytestmark = pytest.mark.processes


@pytest.fixture
def one_clock(redis: Redis, redis_url: str) -> Iterator[ClockProcess]:
    with clocks(redis_url, 1) as [clock]:
        yield clock


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for what Redis shows; there is no event to wait for in another process."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come about"
        time.sleep(0.02)


def test_the_clock_of_the_project_says_what_it_runs_and_stops_at_once(redis: Redis, redis_url: str) -> None:
    clock = ClockProcess(redis_url, "clock.py")
    try:
        clock.wait_for("Starting clock: 2 schedules [maintenance.check, maintenance.digest]")
        clock.wait_for("Leading")
        asked = time.monotonic()
        clock.signal(signal.SIGTERM)
        assert clock.process.wait(5) == 0
        assert time.monotonic() - asked < 1.0
        clock.wait_for("Stopped the clock")
        assert schedules.clock_status().leader is None
        assert [view.id for view in schedules.list_schedules()] == ["maintenance.check", "maintenance.digest"]
    finally:
        clock.close()


def test_ticks_are_enqueued_in_time_and_told(one_clock: ClockProcess, redis: Redis) -> None:
    line = one_clock.wait_for("Queued second for 20")
    assert "job_id=second-" in line
    until(lambda: len(decided(redis)) >= 3)
    assert min(late for _, late in decided(redis)) < 0.1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP])
def test_another_clock_takes_over_and_no_tick_is_lost_or_doubled(
    redis: Redis, redis_url: str, number: signal.Signals
) -> None:
    with clocks(redis_url, 2) as [leader, standby]:
        until(lambda: len(decided(redis)) >= 1)
        leader.signal(number)
        standby.wait_for("Leading")
        if number == signal.SIGSTOP:
            leader.signal(signal.SIGCONT)
            leader.wait_for("Standing by")
        before = len(decided(redis))
        until(lambda: len(decided(redis)) >= before + 2)
    ticks = [tick for tick, _ in decided(redis)]
    assert ticks == list(range(ticks[0], ticks[-1] + 1))
    ours = [name for name in cast("list[bytes]", redis.lrange("rq:queue:low", 0, -1)) if name.startswith(b"second-")]
    assert len(ours) == len(ticks)
    assert max(late for _, late in decided(redis)) < 3


def test_a_machine_with_a_wrong_clock_that_leaps_decides_in_time(redis: Redis, redis_url: str) -> None:
    clock = ClockProcess(redis_url, "-c", AN_HOUR_AHEAD_THEN_TWO_BEHIND + EVERY_SECOND)
    try:
        clock.wait_for("the clock leaps")
        clock.wait_for("Queued second for")
        before = len(decided(redis))
        until(lambda: len(decided(redis)) >= before + 2)
    finally:
        clock.close()
    ticks = [tick for tick, _ in decided(redis)]
    assert ticks == list(range(ticks[0], ticks[-1] + 1))
    assert max(late for _, late in decided(redis)) < 1.5


def test_quiet_clocks_decide_nothing(redis: Redis, redis_url: str) -> None:
    clock = ClockProcess(redis_url, SKIP_RECURRING="1")
    try:
        clock.wait_for("SKIP_RECURRING is set")
        clock.wait_for("Leading")
        assert schedules.list_schedules() == []
    finally:
        clock.close()


def test_a_clock_waits_for_redis_and_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    folder = tmp_path
    address = Path("/tmp", f"nightshift-{os.getpid()}.sock")
    url = server.url_of(address)
    clock = ClockProcess(url)
    try:
        clock.wait_for("Redis is unavailable")
        first = server.start(server.find_binary(), address=address, folder=folder, durable=True)
        clock.wait_for("Queued second for")
        first.kill()
        first.wait()
        clock.wait_for("Redis is unavailable")
        second = server.start(server.find_binary(), address=address, folder=folder, durable=True)
        clock.wait_for("Redis answers again")
        clock.wait_for("Queued second for")
        clock.wait_for("Queued second for")
        with Redis.from_url(url) as client:
            jobs = [job.decode().partition("-")[2] for job in client.lrange("rq:queue:low", 0, -1)]
        ticks = [int(job) // 1000 for job in jobs]
        assert ticks == list(range(ticks[0], ticks[-1] + 1))
        second.terminate()
        second.wait(10)
    finally:
        clock.close()
        address.unlink(missing_ok=True)


def test_a_clock_refuses_a_server_that_deletes_in_silence(redis: Redis, redis_url: str) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    clock = ClockProcess(redis_url)
    try:
        clock.wait_for(
            "its eviction policy is allkeys-lru, which deletes jobs in silence; set maxmemory-policy noeviction"
        )
        assert clock.process.wait(5) == 1
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
        clock.close()
