"""The memory report: what uses the server, on real data."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from jobs import audit, enqueue, enqueue_in, files, memory
from jobs.dispatch import JobRequest, submit_many
from tests.worker import sample_tasks as sample

RunAll = Callable[[], None]


@pytest.fixture
def data(run_all: RunAll, redis: Redis) -> None:
    """Finished jobs of two tasks, one with log and artifact, waiting jobs, a file, an entry of the audit log."""
    for number in range(20):
        enqueue(sample.add, number, 0)
    enqueue(sample.report)
    run_all()
    submit_many(JobRequest(task="sample.add", args={"a": n, "b": 0}) for n in range(300))
    enqueue_in(60, sample.add, 1, 2)
    files.store("big.bin", b"x" * 100_000)
    audit.note("tests", "job.retry", "a job")


@pytest.mark.usefixtures("data")
def test_every_key_is_of_a_kind_and_what_belongs_to_a_job_is_of_its_task(redis: Redis) -> None:
    found = memory.report(10_000)
    assert found.measured == found.keys == sum(use.keys for use in found.kinds.values())
    assert "other" not in found.kinds, redis.keys()
    assert (found.kinds["records"].keys, found.kinds["results"].keys) == (322, 21)
    assert found.kinds["files"].bytes > 100_000
    assert next(iter(found.kinds)) == "records"
    assert found.tasks["sample.add"]["records"].keys == 321
    assert set(found.tasks["sample.report"]) == {"records", "results", "logs", "artifacts", "files"}


@pytest.mark.usefixtures("data")
def test_what_a_job_takes_is_near_to_what_the_server_says(redis: Redis) -> None:
    before = redis.info("memory")["used_memory"]
    submit_many(JobRequest(task="sample.add", args={"a": n, "b": 0}) for n in range(2000))
    really = (redis.info("memory")["used_memory"] - before) / 2000
    found = memory.report()
    assert found.waiting_job == pytest.approx(really, rel=0.25)
    assert found.finished_job is not None
    assert found.waiting_job is not None
    assert found.finished_job > found.waiting_job


@pytest.mark.usefixtures("data")
def test_a_sample_gives_about_the_same() -> None:
    whole, part = memory.report(10_000), memory.report(150)
    assert part.measured < whole.keys / 2
    assert part.kinds["records"].bytes == pytest.approx(whole.kinds["records"].bytes, rel=0.3)


def test_an_empty_server_has_nothing_to_report(redis: Redis) -> None:
    found = memory.report()
    assert (found.keys, found.kinds, found.tasks, found.waiting_job) == (0, {}, {}, None)
