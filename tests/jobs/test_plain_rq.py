"""A worker of plain RQ can run what we enqueue: the data model is RQ's."""

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from jobs import current_job, enqueue, monitor, task
from jobs.inline import inline_mode

pytestmark = pytest.mark.usefixtures("settings")


@task(name="tests.halve")
def halve(number: int) -> float:
    """Divide by two."""
    job = current_job()
    job.log("halving")
    job.progress(1, 1, "done")
    if number % 2:
        raise ValueError("odd")
    return number / 2


def work(redis: Redis) -> None:
    SimpleWorker(["default"], connection=redis, serializer=JSONSerializer).work(burst=True, logging_level="ERROR")


def test_it_runs_the_task_and_keeps_its_result(redis: Redis) -> None:
    job = enqueue(halve, 4)
    work(redis)
    done = monitor.get_job(job.id)
    assert done.status == "finished"
    assert monitor.get_result(job.id) == 2.0
    assert done.progress is not None
    assert done.progress.note == "done"
    assert [line["message"] for line in monitor.log_lines(job.id)] == ["halving"]


def test_it_records_a_failure_as_an_attempt(redis: Redis) -> None:
    job = enqueue(halve, 3)
    work(redis)
    assert monitor.get_job(job.id).status == "failed"
    [attempt] = monitor.attempts(job.id)
    assert attempt.outcome == "failed"
    assert "ValueError: odd" in (attempt.traceback or "")


def test_inline_mode_needs_no_server_for_the_same_task() -> None:
    with inline_mode():
        assert enqueue(halve, 4).result == 2.0
