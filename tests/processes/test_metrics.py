"""What /metrics says, against what a real worker, a real clock and real web processes did."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from jobs import enqueue, enqueue_in, monitor, queues, schedules, with_options
from jobs.settings import Settings
from tests.web import site
from tests.worker import sample_tasks as sample
from tests.worker.conftest import Stable
from tests.worker.waiting import ended, eventually
from web import metrics

pytestmark = [pytest.mark.server, pytest.mark.processes]

LAST_NEXT = ("last", "next")
Sample = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture
def stable(settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[Stable]:
    stable = Stable(settings, tmp_path)
    yield stable
    stable.close()


def parsed(text: str) -> dict[Sample, float]:
    """Each sample by name and sorted labels; the parser refuses what Prometheus would."""
    families = list(text_string_to_metric_families(text))
    assert [family.name for family in families if not family.documentation] == []
    assert len({family.name for family in families}) == len(families)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(samples: dict[Sample, float], name: str, **labels: str) -> float | None:
    return samples.get((f"nightshift_{name}", tuple(sorted(labels.items()))))


def seen() -> dict[Sample, float]:
    return parsed(metrics.text().decode())


def test_the_numbers_are_those_of_what_happened(stable: Stable, tmp_path: Path) -> None:
    done = [enqueue(sample.add, 1, n) for n in range(3)]
    urgent, failing = with_options(sample.add, queue="high").enqueue(1, 2), enqueue(sample.fail)
    enqueue_in(3600, sample.add, 1, 2)
    queues.pause("low", note="", by="a test")
    late = with_options(sample.add, queue="low").enqueue(1, 2)
    stable("--horses", "3")
    for job in (*done, urgent, failing):
        ended(job)
    running = enqueue(sample.work, str(tmp_path / "work"), 30)
    eventually(lambda: monitor.get_job(running.id).status == "started")

    now = seen()
    add = {"task": "sample.add", "outcome": "finished"}
    assert value(now, "attempts_total", queue="default", **add) == 3
    assert value(now, "attempts_total", queue="high", **add) == 1
    fail = {"task": "sample.fail", "queue": "default"}
    assert value(now, "attempts_total", outcome="retrying", **fail) == 2
    assert value(now, "attempts_total", outcome="failed", **fail) == 1
    assert value(now, "attempt_duration_seconds_count", task="sample.add") == 4
    assert value(now, "attempt_duration_seconds_bucket", task="sample.add", le="+Inf") == 4
    assert value(now, "attempt_duration_seconds_bucket", task="sample.add", le="60") == 4
    assert 0 < (value(now, "attempt_duration_seconds_sum", task="sample.add") or 0) < 60
    assert value(now, "queue_wait_seconds_count", queue="high") == 1
    jobs = {state: value(now, "jobs", queue="default", state=state) for state in ("waiting", "started", "scheduled")}
    assert jobs == {"waiting": 0, "started": 1, "scheduled": 1}
    assert value(now, "jobs", queue="default", state="failed") == 1
    assert value(now, "jobs", queue="low", state="waiting") == 1
    waited = (time.time() - late.created_at.timestamp(), value(now, "oldest_wait_seconds", queue="low"))
    assert waited[1] == pytest.approx(waited[0], abs=0.5)
    assert value(now, "oldest_wait_seconds", queue="default") == 0
    assert [value(now, "queue_paused", queue=name) for name in ("low", "high")] == [1, 0]
    assert [value(now, "queue_workers", queue=name) for name in ("low", "high")] == [1, 1]
    assert value(now, "queue_latency_target_seconds", queue="high") == 30
    assert [value(now, "workers"), value(now, "clock_leads"), value(now, "ledger_repairs_total")] == [1, 0, 0]
    assert [value(now, "horses", state=state) for state in ("busy", "idle")] == [1, 2]
    assert (value(now, "redis_memory_bytes") or 0) > 100_000
    assert any(name == "nightshift_build_info" for name, _ in now)


def test_schedules_tell_their_ticks_and_those_that_the_clock_gave_up(settings: Settings, redis: Redis) -> None:
    variables = {"NIGHTSHIFT_ENV": "test", "REDIS_URL": settings.redis_url.get_secret_value()}
    fields = {"id": "often", "task": "maintenance.check", "every": 1, "catchup": "skip", "overlap": "allow"}
    schedules.create(fields, actor="a test")
    long_ago = time.time_ns() // 1_000_000 - 60_000
    redis.hset("ns:schedule:often", mapping={"cursor": long_ago, "since": long_ago})  # no clock lived for a minute
    redis.zadd("ns:schedules:due", {"often": long_ago + 1000})
    assert value(seen(), "clock_lag_seconds") == pytest.approx(59, abs=1)
    assert value(seen(), "schedules_overdue") == 1
    clock = subprocess.Popen([sys.executable, "clock.py"], cwd=site.ROOT, env=variables)
    try:
        eventually(lambda: value(seen(), "schedule_missed_ticks_total", schedule="often"))
        now = seen()
        assert [value(now, "clock_leads"), value(now, "clocks"), value(now, "schedules_overdue")] == [1, 1, 0]
        assert (value(now, "clock_lag_seconds") or 0) < 1
        last, coming = (value(now, f"schedule_{which}_tick_timestamp_seconds", schedule="often") for which in LAST_NEXT)
        assert last
        assert coming
        assert abs(last - time.time()) < 2 > abs(coming - time.time())
        missed = value(now, "schedule_missed_ticks_total", schedule="often") or 0
        assert 45 < missed < 60  # all but those of the last ten seconds, which still run
    finally:
        clock.terminate()
        clock.wait(10)


def test_requests_are_summed_over_all_processes_of_the_web(settings: Settings, redis: Redis) -> None:
    port = site.free_port()
    url, wide = f"http://127.0.0.1:{port}", {"WEB_CONCURRENCY": "2"}
    process = site.start_web(port, settings.redis_url.get_secret_value(), **wide)
    try:
        site.wait_until_live(url, process)
        headers = {"Authorization": f"Bearer {site.TOKEN}", "Connection": "close"}  # either process may answer
        for path in ("/api/v1/jobs/missing",) * 20 + ("/wp-login.php?x=1",) * 3:
            httpx.get(url + path, headers=headers)
        found = parsed(httpx.get(f"{url}/metrics", headers=headers).text)
    finally:
        process.terminate()
        process.wait(20)
    route = {"method": "GET", "route": "/api/v1/jobs/<job_id>", "status": "4xx"}
    routes = {dict(labels)["route"] for name, labels in found if name.endswith("request_duration_seconds_count")}
    assert value(found, "http_request_duration_seconds_count", **route) == 20, routes
    assert value(found, "http_request_duration_seconds_count", method="GET", route="none", status="4xx") == 3
    assert not {route for route in routes if "missing" in route or "wp" in route}


def test_what_a_killed_web_process_left_behind_is_removed(tmp_path: Path) -> None:
    left, young = tmp_path / "nightshift-counts-old", tmp_path / "nightshift-counts-new"
    for folder in (left, young):
        folder.mkdir()
    os.utime(left, (0, 0))
    program = "import sys; from pathlib import Path; from web import measuring; measuring.share(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", program, tmp_path], cwd=site.ROOT, check=True)
    assert not left.exists()
    assert young.exists()  # its owner may just be about to lock it
    assert len(list(tmp_path.iterdir())) == 2
