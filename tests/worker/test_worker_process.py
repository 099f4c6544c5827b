"""A worker as a real process: what it does about signals, commands, and tasks that misbehave."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq.command import send_kill_horse_command, send_shutdown_command, send_stop_job_command
from rq.serializers import JSONSerializer
from rq.suspension import resume, suspend

from jobs import enqueue, enqueue_in, keys, monitor, queues, with_options, workers
from jobs.records import Job, JobError
from tests.worker import sample_tasks as sample
from tests.worker.conftest import Stable
from tests.worker.waiting import alive, ended, eventually, has_status
from worker import horse

pytestmark = [pytest.mark.server, pytest.mark.processes]


def test_a_batch_is_worked_off_and_burst_ends(start_worker: Stable) -> None:
    jobs = [enqueue(sample.add, n, 1) for n in range(20)]
    worker = start_worker("--burst", "--horses", "2", ready=False)
    assert worker.process.wait(20) == 0
    assert [monitor.get_result(job.id) for job in jobs] == list(range(1, 21))


def test_a_burst_ends_when_the_queue_is_empty_and_not_when_its_horse_has_run_many_jobs(
    redis: Redis, run_all: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(horse, "MOST_JOBS", 2)
    jobs = [enqueue(sample.add, n, 1) for n in range(5)]
    run_all()
    assert [monitor.get_result(job.id) for job in jobs] == list(range(1, 6))


def test_a_job_that_ends_its_horse_without_an_error_does_not_end_the_burst(start_worker: Stable) -> None:
    left, behind = enqueue(sample.leave, 0), enqueue(sample.add, 1, 2)
    assert start_worker("--burst", "--horses", "1", ready=False).process.wait(20) == 0
    assert (monitor.get_job(left.id).status, monitor.get_result(behind.id)) == ("failed", 3)


def test_idle_horses_start_a_job_at_once_whatever_its_queue(start_worker: Stable) -> None:
    start_worker("--queues", "high,default,low", "--horses", "2")
    for queue in ("high", "default", "low"):
        job = ended(with_options(sample.add, queue=queue).enqueue(1, 2))
        assert job.started_at is not None
        assert (job.started_at - job.created_at).total_seconds() < 0.5


def test_jobs_that_crash_leave_or_fork_do_not_take_the_worker_down(start_worker: Stable) -> None:
    worker = start_worker("--horses", "2")
    crashed, left, forked = enqueue(sample.segfault), enqueue(sample.leave, 0), enqueue(sample.fork)
    seen = ended(crashed)
    assert seen.status == "failed"
    assert seen.error is not None
    assert "signal 11 (SIGSEGV)" in seen.error.message
    assert [attempt.outcome for attempt in monitor.attempts(crashed.id)] == ["crashed"] * 3
    assert [attempt.number for attempt in monitor.attempts(crashed.id)] == [1, 1, 1]
    assert ended(left).status == "failed"
    assert ended(forked).status == "finished"
    assert len(monitor.attempts(forked.id)) == 1
    assert monitor.get_result(ended(enqueue(sample.add, 1, 2)).id) == 3
    assert worker.stop() == 0


def test_a_timeout_holds_against_tasks_that_swallow_exceptions_hang_in_c_or_have_children(
    start_worker: Stable, tmp_path: Path
) -> None:
    worker = start_worker("--horses", "4")
    files = [tmp_path / name for name in ("swallow", "swallow_all", "stubborn", "swallow_async")]
    tasks = (sample.swallow, sample.swallow_all, sample.stubborn, sample.swallow_async)
    jobs = [enqueue(task, str(file)) for task, file in zip(tasks, files, strict=True)]
    for job in jobs:
        seen = ended(job)
        assert (seen.status, seen.error and seen.error.type) == ("failed", "JobTimeout")
        (attempt,) = monitor.attempts(job.id)
        assert attempt.outcome == "failed"
        assert attempt.duration is not None
        assert attempt.duration < 1 + 3
    assert "time.sleep(0.05)" in _trace(jobs[0])
    child = int(files[2].read_text().split()[1])
    eventually(lambda: not alive(child))
    assert {str(line["cause"]).rpartition(", ")[2] for line in worker.lines() if line["event"] == "Horse died"} == {
        "by its worker"
    }


def test_a_timeout_ends_async_tasks_and_leaves_the_horse_alive(start_worker: Stable) -> None:
    worker = start_worker("--horses", "3")
    for job in (enqueue(sample.sleep_async, 60), enqueue(sample.spin_async), enqueue(sample.spin_inside)):
        assert ended(job).error == JobError("JobTimeout", "ran longer than 1 s")
        assert "await asyncio.sleep(" in _trace(job)
    assert worker.said("Horse died") is None


def test_an_interrupted_coroutine_cleans_up_also_when_it_blocked_the_event_loop(
    start_worker: Stable, tmp_path: Path
) -> None:
    worker = start_worker("--horses", "2")
    paths = [tmp_path / name for name in ("idle", "blocked")]
    jobs = [enqueue(sample.tidy_async, str(paths[0])), enqueue(sample.block_async, str(paths[1]))]
    assert [ended(job).error for job in jobs] == [JobError("JobTimeout", "ran longer than 1 s")] * 2
    assert [path.read_text() for path in paths] == ["clean\n"] * 2
    assert "time.sleep(60)" in _trace(jobs[1])
    assert worker.said("Horse died") is None


def test_an_interruption_that_python_has_swallowed_comes_again(start_worker: Stable) -> None:
    worker = start_worker("--horses", "1")
    assert ended(enqueue(sample.lose)).error == JobError("JobTimeout", "ran longer than 1 s")
    assert worker.said("Horse died") is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_long_job_goes_back_to_the_front_and_resumes_without_spending_an_attempt(
    number: int, start_worker: Stable, tmp_path: Path
) -> None:
    worker = start_worker("--horses", "1", SHUTDOWN_GRACE="0.3")
    job = enqueue(sample.resume, str(tmp_path / "notes"), 30)
    waiting = enqueue(sample.add, 1, 2)
    eventually(lambda: b"[0, 1]" in (_field(job.id, "checkpoint") or b""))
    worker.process.send_signal(number)
    assert worker.process.wait(5) == 0
    assert (monitor.get_job(job.id).status, monitor.get_job(job.id).attempt) == ("queued", 0)
    (tmp_path / "notes.again").touch()
    start_worker("--burst", "--horses", "1", ready=False).process.wait(15)
    assert monitor.get_result(job.id) == [0, 1, 2]
    assert [attempt.outcome for attempt in monitor.attempts(job.id)] == ["interrupted", "finished"]
    assert (tmp_path / "notes").read_text().splitlines() == ["start at 0", "start at 2"]
    assert _started(job.id) < _started(waiting.id)


def test_rqs_commands_are_obeyed(start_worker: Stable, redis: Redis, tmp_path: Path) -> None:
    worker = start_worker("--horses", "2")
    stopped = enqueue(sample.work, str(tmp_path / "notes"), 30)
    has_status(stopped, "started")
    send_stop_job_command(redis, stopped.id, serializer=JSONSerializer)
    assert ended(stopped, 3).status == "stopped"
    killed = enqueue(sample.work, str(tmp_path / "notes"), 2)
    has_status(killed, "started")
    send_kill_horse_command(redis, worker.name)
    assert ended(killed).attempt == 1
    assert [attempt.outcome for attempt in monitor.attempts(killed.id)] == ["crashed", "finished"]
    send_shutdown_command(redis, worker.name)
    assert worker.process.wait(5) == 0
    assert monitor.workers() == []


def test_a_suspended_worker_takes_no_job_until_it_is_resumed(start_worker: Stable, redis: Redis) -> None:
    suspend(redis)
    start_worker("--horses", "1")
    eventually(lambda: [worker.state for worker in monitor.workers()] == ["suspended"])
    job = enqueue(sample.add, 1, 2)
    assert monitor.get_job(job.id).status == "queued"
    resume(redis)
    assert ended(job).status == "finished"


def test_a_paused_queue_is_left_alone_and_the_others_are_not(start_worker: Stable, redis: Redis) -> None:
    queues.pause("high", note="", by="a test")
    start_worker("--queues", "high,default", "--horses", "1")
    eventually(lambda: monitor.workers() and monitor.workers()[0].state == "idle")
    paused, other = with_options(sample.add, queue="high").enqueue(1, 2), enqueue(sample.add, 1, 2)
    assert ended(other).status == "finished"
    assert monitor.get_job(paused.id).status == "queued"
    queues.resume("high", by="a test")
    assert ended(paused).status == "finished"


def test_delayed_jobs_and_retries_need_no_other_process(start_worker: Stable) -> None:
    start_worker("--horses", "1")
    delayed, failing = enqueue_in(0.2, sample.add, 1, 2), enqueue(sample.fail, times=2)
    assert ended(delayed).status == "finished"
    assert monitor.get_result(ended(failing).id) == 3


def _field(job_id: str, name: str) -> bytes | None:
    from jobs import connection

    value = connection.client().hget(keys.job(job_id), name)
    return value if isinstance(value, bytes) else None


def _trace(job: Job) -> str:
    return str(monitor.attempts(job.id)[0].traceback)


def _started(job_id: str) -> str:
    return str(monitor.get_job(job_id).started_at)


def test_a_drained_worker_ends_what_it_runs_takes_nothing_more_and_exits(start_worker: Stable, tmp_path: Path) -> None:
    worker = start_worker("--horses", "2", SHUTDOWN_GRACE="0")
    running = enqueue(sample.work, str(tmp_path / "work"), 1.5)
    has_status(running, "started")
    workers.drain(worker.name, by="a test")
    eventually(lambda: [seen.state for seen in monitor.workers()] == ["draining"])
    waiting = enqueue(sample.add, 1, 2)
    assert worker.process.wait(15) == 0
    assert [attempt.outcome for attempt in monitor.attempts(running.id)] == ["finished"]
    has_status(waiting, "queued")
    assert monitor.workers() == []


def test_a_signal_shortens_a_drain(start_worker: Stable, tmp_path: Path) -> None:
    worker = start_worker("--horses", "1", SHUTDOWN_GRACE="0.2")
    running = enqueue(sample.work, str(tmp_path / "work"), 30)
    has_status(running, "started")
    workers.drain(worker.name, by="a test")
    eventually(lambda: worker.said("Command") is not None)
    assert worker.stop() == 0
    has_status(running, "queued")


def test_what_a_task_prints_is_a_line_of_the_log_that_names_the_job(start_worker: Stable) -> None:
    worker = start_worker("--horses", "1")
    job = ended(enqueue(sample.chatter))
    printed = [line for line in worker.lines() if line["event"] == "Printed"]
    assert [line["text"] for line in printed] == ["one 1", "half a line", "and another"]
    assert {(line["job_id"], line["task"]) for line in printed} == {(job.id, "sample.chatter")}
