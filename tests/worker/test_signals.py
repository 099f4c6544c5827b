"""Signals to one process of a worker or to all of them, at a platform's or an operator's whim."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs import enqueue, monitor, with_options
from jobs.records import Job
from tests.worker import sample_tasks as sample
from tests.worker.conftest import Stable, WorkerProcess
from tests.worker.waiting import alive, children, ended, eventually, has_status

pytestmark = [pytest.mark.server, pytest.mark.processes]


def _supervisor(worker: WorkerProcess) -> list[int]:
    return [worker.process.pid]


def _horse(worker: WorkerProcess) -> list[int]:
    return children(worker.process.pid)


def _all(worker: WorkerProcess) -> list[int]:
    return [*_horse(worker), *_supervisor(worker)]


Whom = Callable[[WorkerProcess], list[int]]


SIGTERMS = {f"{whom.__name__.strip('_')}-{times}": whom for whom in (_supervisor, _all) for times in (1, 2, 5)}


def _send_sigterms(name: str, worker: WorkerProcess) -> None:
    for pid in SIGTERMS[name](worker) * int(name[-1]):
        os.kill(pid, signal.SIGTERM)


def _one_for_each_queue(start_worker: Stable, queues: Iterable[str], **environment: str) -> dict[str, WorkerProcess]:
    started = {queue: start_worker("--queues", queue, "--horses", "1", ready=False, **environment) for queue in queues}
    return {queue: worker.wait_until_ready() for queue, worker in started.items()}


def test_any_number_of_sigterms_to_one_process_or_to_all_lets_a_short_job_end(
    start_worker: Stable, tmp_path: Path
) -> None:
    workers, jobs = _one_for_each_queue(start_worker, SIGTERMS), {}
    for name, worker in workers.items():
        work = with_options(sample.work, queue=name)
        jobs[name] = [work.enqueue(str(tmp_path / name), 0.5) for _ in range(2)]
        eventually((tmp_path / name).exists)  # a job that was taken and has not begun would be put back
        _send_sigterms(name, worker)
    for name, worker in workers.items():
        assert worker.process.wait(5) == 0
        assert [monitor.get_job(job.id).status for job in jobs[name]] == ["finished", "queued"], name


def test_any_number_of_sigterms_to_one_process_or_to_all_puts_a_long_job_back_without_spending_an_attempt(
    start_worker: Stable, tmp_path: Path
) -> None:
    workers, jobs = _one_for_each_queue(start_worker, SIGTERMS, SHUTDOWN_GRACE="0.3"), {}
    for name, worker in workers.items():
        jobs[name] = with_options(sample.work, queue=name).enqueue(str(tmp_path / "notes"), 30)
        has_status(jobs[name], "started")
        _send_sigterms(name, worker)
    for name, worker in workers.items():
        assert worker.process.wait(5) == 0
        job = monitor.get_job(jobs[name].id)
        assert (job.status, job.attempt) == ("queued", 0), name
        assert [attempt.outcome for attempt in monitor.attempts(job.id)] == ["interrupted"], name


def test_sigterm_to_a_horse_alone_lets_its_job_end_and_brings_another_horse(
    start_worker: Stable, tmp_path: Path
) -> None:
    worker = start_worker("--horses", "1")
    job = enqueue(sample.work, str(tmp_path / "notes"), 0.5)
    eventually((tmp_path / "notes").exists)
    for pid in _horse(worker) * 5:
        os.kill(pid, signal.SIGTERM)
    assert [ended(each).status for each in (job, enqueue(sample.add, 1, 2))] == ["finished", "finished"]
    assert worker.stop() == 0


@dataclass(frozen=True, slots=True)
class Blow:
    """A signal that leaves no time to answer, to whom, and how the attempts of the job that runs end."""

    number: int
    whom: Whom
    outcomes: list[str]


BLOWS = {
    "horse-killed": Blow(signal.SIGKILL, _horse, ["crashed", "finished"]),
    "supervisor-killed": Blow(signal.SIGKILL, _supervisor, ["crashed", "finished"]),
    "both-killed": Blow(signal.SIGKILL, _all, ["crashed", "finished"]),
    "both-paused": Blow(signal.SIGSTOP, _all, ["crashed", "finished"]),
    "supervisor-paused": Blow(signal.SIGSTOP, _supervisor, ["finished"]),  # which keeps no horse from its work
    "horse-paused": Blow(signal.SIGSTOP, _horse, ["failed"]),  # its supervisor ends it in time
    "both-paused-for-a-moment": Blow(signal.SIGSTOP, _all, ["finished"]),
}


def test_whoever_is_killed_or_paused_the_job_runs_again_within_15_seconds_and_is_applied_once(
    start_worker: Stable, tmp_path: Path
) -> None:
    """All blows at the same time, each to a worker with a queue of its own; one more worker serves all queues."""
    workers = _one_for_each_queue(start_worker, BLOWS)
    jobs = {name: _long_enough(name, tmp_path) for name in BLOWS}
    for job in jobs.values():
        has_status(job, "started")
    before = {name: _all(worker) for name, worker in workers.items()}
    began = time.monotonic()
    for name, blow in BLOWS.items():
        for pid in blow.whom(workers[name]):
            os.kill(pid, blow.number)
    _wake(before["both-paused-for-a-moment"])
    start_worker("--queues", ",".join(BLOWS), "--horses", "3")
    killed = before["supervisor-killed"] + before["both-killed"]
    eventually(lambda: not any(alive(pid) for pid in killed))
    for name, blow in BLOWS.items():
        job = ended(jobs[name], 20)
        outcomes = [attempt.outcome for attempt in monitor.attempts(job.id)]
        assert (name, job.status, job.attempt, outcomes) == (name, blow.outcomes[-1], 1, blow.outcomes)
    assert time.monotonic() - began < 15 + 2  # and the two seconds that a job takes
    _they_work_on_when_they_are_woken(workers, before, jobs)


def _long_enough(queue: str, folder: Path) -> Job:
    timeout = 1 if queue == "horse-paused" else None
    return with_options(sample.work, queue=queue, timeout=timeout, retries=0).enqueue(str(folder / queue), 2.0)


def _wake(pids: list[int]) -> None:
    for pid in reversed(pids):
        if alive(pid):
            os.kill(pid, signal.SIGCONT)


def _they_work_on_when_they_are_woken(
    workers: dict[str, WorkerProcess], before: dict[str, list[int]], jobs: dict[str, Job]
) -> None:
    """And nothing is applied that belongs to others by then."""
    attempts = {job.id: monitor.attempts(job.id) for job in jobs.values()}
    for name in ("both-paused", "supervisor-paused"):
        _wake(before[name])
    for name in ("horse-killed", "both-paused", "supervisor-paused", "horse-paused", "both-paused-for-a-moment"):
        assert ended(with_options(sample.add, queue=name).enqueue(1, 2)).status == "finished"
        assert workers[name].stop() == 0
    assert {job.id: monitor.attempts(job.id) for job in jobs.values()} == attempts
