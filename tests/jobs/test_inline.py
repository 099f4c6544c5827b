"""Inline mode runs a job where it is enqueued, without a server."""

from typing import Any

import pytest

from jobs import Discard, File, Snooze, current_job, enqueue, enqueue_in, files, task, with_options
from jobs.errors import FileMissing, InvalidArguments, NotInJob, RedisUnavailable
from jobs.inline import inline_mode
from jobs.settings import Settings

pytestmark = pytest.mark.usefixtures("settings")


@task(name="tests.shout")
def shout(text: File, times: int = 1) -> dict[str, Any]:
    """Write a text in capitals."""
    job = current_job()
    job.log("shouting", times=times)
    loud = text.read().upper() * times
    job.progress(1, 1)
    return {"file": job.artifact("loud.txt", loud, "text/plain"), "size": len(loud)}


@task(name="tests.later")
async def later(number: int) -> int:
    """Add one, some time."""
    if number < 0:
        raise Discard("negative")
    return number + 1


def test_enqueue_runs_the_task_and_gives_its_result() -> None:
    with inline_mode() as ran:
        job = enqueue(shout, files.store("in.txt", b"hey"), times=2)
        assert job.status == "finished"
        assert job.result == {"file": ran.artifacts(job.id)["loud.txt"].id, "size": 6}
        assert ran.artifacts(job.id)["loud.txt"].read() == b"HEYHEY"
        assert ran.log(job.id) == ["shouting"]
        assert ran.jobs == [job]


def test_async_tasks_and_delays_run_at_once_too() -> None:
    with inline_mode():
        assert enqueue_in(3600, later, 1).result == 2


def test_what_a_task_raises_reaches_the_caller() -> None:
    with inline_mode(), pytest.raises(Discard, match="negative"):
        enqueue(later, -1)


def test_arguments_are_checked_as_always() -> None:
    with inline_mode(), pytest.raises(InvalidArguments, match="/number"):
        enqueue(later, number="many")  # type: ignore[arg-type]


def test_options_are_carried() -> None:
    with inline_mode():
        job = with_options(later, queue="low", retries=0, tags=["a"]).enqueue(1)
    assert (job.queue, job.max_attempts, job.tags) == ("low", 1, ("a",))


def test_outside_of_it_a_job_needs_redis(settings: Settings) -> None:
    with inline_mode():
        pass
    with pytest.raises(RedisUnavailable):
        enqueue(later, 1)


def test_files_of_inline_mode_are_gone_afterwards() -> None:
    with inline_mode():
        kept = files.store("in.txt", b"hey")
    with inline_mode(), pytest.raises(FileMissing):
        files.get(kept.id)


def test_current_job_works_only_in_a_job() -> None:
    with pytest.raises(NotInJob):
        current_job()


def test_control_exceptions_say_what_they_ask() -> None:
    assert Snooze(-3).seconds == 0
