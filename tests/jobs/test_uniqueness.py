"""One job instead of many alike, decided by the server."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from jobs import registry, task, with_options
from jobs.dispatch import JobRequest, submit, submit_many
from jobs.records import Job
from jobs.uniqueness import Unique

pytestmark = pytest.mark.usefixtures("redis")


@task(name="unique_tests.sync", unique=Unique(until="started"))
def sync(account: int) -> None:
    """Unique by its arguments until it has started."""


@task(name="unique_tests.plain")
def plain(number: int) -> None:
    """Not unique by itself."""


def ask(number: int = 1, **options: object) -> Job:
    return submit(JobRequest(task="unique_tests.plain", args={"number": number}, unique=Unique(**options)))  # type: ignore[arg-type]


def status(redis: Redis, job: Job, word: str) -> None:
    redis.hset(f"rq:job:{job.id}", "status", word)


def test_a_hundred_callers_at_once_get_one_job(redis: Redis) -> None:
    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(lambda _: ask().id, range(100)))
    assert len(ids) == 1
    assert redis.llen("rq:queue:default") == 1


def test_other_arguments_are_another_job() -> None:
    assert ask(1).id == ask(1).id != ask(2).id


def test_a_key_takes_the_place_of_the_arguments() -> None:
    assert ask(1, key="a").id == ask(2, key="a").id != ask(1, key="b").id


def test_until_done_covers_the_run(redis: Redis) -> None:
    first = ask()
    status(redis, first, "started")
    assert ask().id == first.id
    status(redis, first, "failed")
    assert ask().id != first.id


def test_until_started_ends_with_the_start(redis: Redis) -> None:
    first = with_options(sync).enqueue(7)
    assert with_options(sync).enqueue(7).id == first.id
    status(redis, first, "started")
    assert with_options(sync).enqueue(7).id != first.id


def test_a_window_counts_from_acceptance_whatever_happens(redis: Redis) -> None:
    first = ask(until="window", window=60)
    status(redis, first, "finished")
    assert ask(until="window", window=60).id == first.id
    for key in redis.scan_iter("ns:unique:*"):
        assert 0 < redis.ttl(key) <= 60
        redis.delete(key)
    assert ask(until="window", window=60).id != first.id


def test_a_job_that_was_deleted_stands_for_nothing(redis: Redis) -> None:
    first = ask()
    redis.delete(f"rq:job:{first.id}")
    assert ask().id != first.id


def test_in_a_batch_too() -> None:
    requests = [JobRequest(task="unique_tests.plain", args={"number": 1}, unique=Unique()) for _ in range(5)]
    assert len({job.id for job in submit_many(requests)}) == 1


def test_a_window_of_no_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Unique\.window"):
        Unique(until="window", window=0)


def test_the_task_says_whether_its_jobs_are_unique() -> None:
    assert registry.find("unique_tests.sync").unique == Unique(until="started")
