"""The server goes away, hangs, fills up or falls silent while jobs run: no job is lost and none spends an attempt."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from cli import server
from jobs import connection, enqueue, files, monitor, pressure
from jobs.errors import RedisUnavailable
from jobs.records import Job
from jobs.verbs import LEASE
from tests.worker import sample_tasks as sample
from tests.worker.conftest import OwnServer, Stable
from tests.worker.waiting import ended, eventually, has_status
from tests.worker.wire import Wire

pytestmark = [pytest.mark.server, pytest.mark.processes]


@pytest.fixture
def workers(own_server: OwnServer, tmp_path: Path) -> Iterator[Stable]:
    """Workers on the server that this test may hurt."""
    stable = Stable(own_server.settings, tmp_path)
    yield stable
    stable.close()


def test_a_result_is_kept_while_the_server_is_restarted(own_server: OwnServer, workers: Stable, tmp_path: Path) -> None:
    worker = workers("--horses", "2")
    job, waiting = _running_job(tmp_path, 0.5), enqueue(sample.add, 1, 2)
    ended(waiting)
    own_server.kill()
    eventually(lambda: worker.said("Redis is unavailable; the result is kept"))
    own_server.start_again()
    _check_one_attempt(job)
    assert ended(enqueue(sample.add, 1, 2), 10).status == "finished"


def test_a_result_is_kept_while_the_server_hangs(own_server: OwnServer, workers: Stable, tmp_path: Path) -> None:
    worker = workers("--horses", "1")
    job = _running_job(tmp_path, 0.5)
    own_server.process.send_signal(signal.SIGSTOP)
    eventually(lambda: worker.said("Redis is unavailable; the result is kept"))
    own_server.process.send_signal(signal.SIGCONT)
    _check_one_attempt(job)


@pytest.mark.long
def test_a_server_that_hangs_for_longer_than_a_lease_gives_no_job_to_anybody_else(
    own_server: OwnServer, workers: Stable, tmp_path: Path
) -> None:
    workers("--horses", "1")
    job = _running_job(tmp_path, 20)
    other = workers("--horses", "1")
    own_server.process.send_signal(signal.SIGSTOP)
    time.sleep(LEASE + 5)
    own_server.process.send_signal(signal.SIGCONT)
    ended(job, 30)
    _check_one_attempt(job)
    assert other.said("Job of a dead worker") is None


def test_a_result_is_kept_while_the_server_is_a_replica_and_connections_are_made_anew(
    own_server: OwnServer, workers: Stable, tmp_path: Path
) -> None:
    worker = workers("--horses", "1")
    job = _running_job(tmp_path, 0.5)
    client = connection.client()
    before = _connections(client)
    client.replicaof("127.0.0.1", 1)
    eventually(lambda: worker.said("Redis is unavailable; the result is kept") and worker.said("Redis is unavailable"))
    client.replicaof("NO", "ONE")
    _check_one_attempt(job)
    assert len(_connections(client) & before) == 1  # this test's own


def _connections(client: Redis) -> set[str]:
    return {entry["id"] for entry in client.client_list()}


def test_a_full_server_takes_results_and_gives_out_jobs(own_server: OwnServer, workers: Stable, tmp_path: Path) -> None:
    workers("--horses", "1")
    waiting = [enqueue(sample.fail, times=1) for _ in range(3)]
    job = _running_job(tmp_path, 1.0)
    client = connection.client()
    client.config_set("maxmemory", 1_000_000)
    _check_one_attempt(job)
    for other in waiting:
        assert ended(other).status == "finished"
    eventually(lambda: monitor.workers()[0].state == "idle")  # heartbeats are taken, too
    client.config_set("maxmemory", 0)


def test_nothing_new_is_accepted_before_the_server_is_full(own_server: OwnServer, tmp_path: Path) -> None:
    job = enqueue(sample.add, 1, 2)
    client = connection.client()
    client.set("ballast", bytes(20_000_000))
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.95))
    pressure.watch(client)
    with pytest.raises(RedisUnavailable, match="90% full") as refused:
        enqueue(sample.add, 1, 2)
    assert refused.value.retry_after == 30
    with pytest.raises(RedisUnavailable):
        files.store("a.txt", b"bytes", "text/plain")
    client.config_set("maxmemory", 0)
    pressure.watch(client)
    assert enqueue(sample.add, 3, 4).id != job.id


def test_silent_connections_are_replaced_and_the_result_is_saved(
    own_server: OwnServer, workers: Stable, tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix="nightshift-") as name:
        wire = Wire(Path(name, "wire.sock"), own_server.address)
        try:
            worker = workers("--horses", "1", REDIS_URL=server.url_of(wire.address))
            job = _running_job(tmp_path, 1.0)
            assert wire.go_dead() == 2  # the supervisor's connection and the horse's
            _check_one_attempt(job)
            assert ended(enqueue(sample.add, 1, 2), 10).status == "finished"
            assert worker.stop() == 0
        finally:
            wire.close()


def test_a_worker_waits_for_a_server_that_starts_after_it(own_server: OwnServer, workers: Stable) -> None:
    own_server.kill()
    worker = workers("--horses", "1", ready=False)
    eventually(lambda: worker.said("Waiting for Redis"))
    own_server.start_again()
    worker.wait_until_ready()
    assert ended(enqueue(sample.add, 1, 2)).status == "finished"


def test_a_worker_ends_in_time_although_the_server_is_away(
    own_server: OwnServer, workers: Stable, tmp_path: Path
) -> None:
    worker = workers("--horses", "1", SHUTDOWN_GRACE="0.5")
    _running_job(tmp_path, 30)
    own_server.kill()
    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < 0.5 + 5


def test_a_result_that_could_not_be_saved_before_a_stop_is_no_crash_of_its_job(
    own_server: OwnServer, workers: Stable, tmp_path: Path
) -> None:
    worker = workers("--horses", "1", SHUTDOWN_GRACE="0.2")
    job = _running_job(tmp_path, 0.5)
    own_server.kill()
    eventually(lambda: worker.said("Redis is unavailable; the result is kept"))
    worker.process.terminate()
    eventually(lambda: worker.said("Horse died"))
    own_server.start_again()
    assert worker.process.wait(10) == 0
    seen = monitor.get_job(job.id)
    assert (seen.status, seen.attempt) == ("queued", 0)
    assert [attempt.outcome for attempt in monitor.attempts(job.id)] == ["interrupted"]


def _running_job(folder: Path, seconds: float) -> Job:
    job = enqueue(sample.work, str(folder / "notes"), seconds)
    return has_status(job, "started")


def _check_one_attempt(job: Job) -> None:
    seen = ended(job, 20)
    assert (seen.status, seen.attempt) == ("finished", 1)
    assert [attempt.outcome for attempt in monitor.attempts(job.id)] == ["finished"]
