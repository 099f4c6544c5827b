"""Every attempt is counted once: however it ends, and however often its ending is sent."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from jobs import control, enqueue, enqueue_in, queues, stats
from jobs.claims import Claims
from jobs.running import Finished
from tests.worker import sample_tasks as sample
from tests.worker.conftest import StartWorker
from tests.worker.waiting import ended, eventually

pytestmark = pytest.mark.server
RunAll = Callable[[], None]


def _outcomes() -> dict[tuple[str, str], int]:
    return {(task, outcome): number for (task, _, outcome), number in stats.totals().outcomes.items()}


def test_attempts_are_counted_by_how_they_ended(run_all: RunAll, redis: Redis) -> None:
    enqueue(sample.add, 1, 2)
    enqueue(sample.discard)
    enqueue(sample.fail, 1)
    run_all()
    assert _outcomes() == {
        ("sample.add", "finished"): 1,
        ("sample.discard", "discarded"): 1,
        ("sample.fail", "retrying"): 1,
    }
    assert stats.totals().run["sample.add"].count == 1


def test_an_ending_that_is_sent_again_or_comes_too_late_is_not_counted(redis: Redis) -> None:
    enqueue(sample.add, 1, 2)
    claims = Claims(redis, "horse")
    claim = claims.claim(["default"], claims.new_execution(), datetime.now(UTC).timestamp())
    assert claim
    for _ in range(3):
        claims.settle(claim, Finished(b"3"), at=claim.started_at + 0.2, peak_kb=1, queues=(), execution="")
    assert _outcomes() == {("sample.add", "finished"): 1}
    ran = stats.totals().run["sample.add"]
    assert ran.count == 1
    assert ran.total_seconds == pytest.approx(0.2, abs=1e-4)


def test_a_wait_counts_from_the_moment_a_job_could_run(redis: Redis) -> None:
    enqueue(sample.add, 1, 2)
    claims = Claims(redis, "horse")
    claim = claims.claim(["default"], claims.new_execution(), datetime.now(UTC).timestamp() + 40)
    assert claim
    claims.settle(claim, Finished(b"3"), at=claim.started_at, peak_kb=1, queues=(), execution="")
    assert stats.totals().wait["default"].total_seconds == pytest.approx(40, abs=2)


def test_jobs_that_are_canceled_before_they_start_are_counted(redis: Redis) -> None:
    control.cancel(enqueue(sample.add, 1, 2).id)
    control.cancel(enqueue_in(60, sample.add, 1, 2).id)
    enqueue(sample.add, 1, 2)
    queues.empty("default", by="ada")
    assert stats.totals().outcomes == {("sample.add", "default", "canceled"): 3}
    assert stats.totals().run == stats.totals().wait == {}


@pytest.mark.processes
def test_a_killed_horse_is_a_crash_and_the_run_after_it_a_finish(
    start_worker: StartWorker, redis: Redis, tmp_path: Path
) -> None:
    worker = start_worker("--horses", "1", RELEASE="v7")
    path = tmp_path / "lines"
    job = enqueue(sample.work, str(path), 0.5)
    eventually(path.exists, 10)
    horse = int(Path(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children").read_text().split()[0])
    os.kill(horse, signal.SIGKILL)
    assert ended(job, 15).status == "finished"
    assert _outcomes() == {("sample.work", "crashed"): 1, ("sample.work", "finished"): 1}
    assert [deploy.release for deploy in stats.deploys(datetime.now(UTC) - timedelta(hours=1))] == ["v7"]
