"""Reads: pages of jobs, counts and outages, against a real server."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis

from jobs import connection, enqueue, enqueue_in, keys, monitor, queues, sifting, task, with_options
from jobs.dispatch import JobRequest, submit_many
from jobs.errors import JobConflict, JobMissing, RedisUnavailable
from jobs.settings import Settings
from jobs.views import Filter

pytestmark = pytest.mark.usefixtures("redis")


@task(name="tests.count")
def count(number: int) -> int:
    """Give the number back."""
    return number


def many(number: int, queue: str = "default") -> list[str]:
    accepted = submit_many(JobRequest(task="tests.count", args={"number": n}, queue=queue) for n in range(number))
    return [job.id for job in accepted]


def walk(limit: int, **filters: Any) -> list[str]:
    found, cursor = [], None
    while True:
        page = monitor.list_jobs(cursor=cursor, limit=limit, **filters)
        found += [job.id for job in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_pages_give_every_job_once_from_the_newest() -> None:
    ids = many(450)
    assert walk(100) == ids[::-1]


def test_pages_of_waiting_jobs_go_queue_by_queue() -> None:
    low, high = many(30, "low"), many(30, "high")
    assert walk(7, status="queued") == high[::-1] + low[::-1]
    assert walk(7, status="queued", queue="low") == low[::-1]


def test_jobs_that_arrive_meanwhile_do_not_repeat_others() -> None:
    ids = many(20)
    first = monitor.list_jobs(limit=10)
    many(5)
    second = monitor.list_jobs(limit=10, cursor=first.next_cursor)
    assert [job.id for job in first.jobs + second.jobs] == ids[::-1]


def test_pages_do_not_stumble_over_jobs_that_ended_in_the_same_second(redis: Redis) -> None:
    ids = many(700)
    redis.delete(keys.queue("default"))
    redis.zadd(keys.registry("finished", "default"), dict.fromkeys(ids, 1_900_000_000.0))
    for job_id in ids:
        redis.hset(keys.job(job_id), "status", "finished")
    assert sorted(walk(100, status="finished")) == sorted(ids)


def test_a_page_is_filled_with_what_may_be_seen_and_its_cursor_names_nobody() -> None:
    many(30)
    page = monitor.list_jobs(limit=10, visible=lambda task: task != "tests.count")
    assert page == monitor.Page((), None)
    first = monitor.list_jobs(limit=10, visible=lambda task: task == "tests.count")
    assert len(first.jobs) == 10
    assert first.next_cursor is not None
    assert not any(job.id in first.next_cursor for job in monitor.list_jobs(limit=30).jobs)


def test_filters_combine() -> None:
    chosen = with_options(count, queue="low", tags=["vip"]).enqueue(1)
    with_options(count, queue="low").enqueue(1)
    delayed = enqueue_in(60, count, 1)
    assert walk(10, tag="vip", queue="low") == [chosen.id]
    assert walk(10, status="scheduled") == [delayed.id]
    assert walk(10, task="tests.other") == []


def test_a_cursor_of_nobody_is_an_error() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        monitor.list_jobs(cursor="soon")


def test_queues_are_counted_without_being_touched(redis: Redis) -> None:
    many(3, "low")
    enqueue_in(60, count, 1)
    views = {view.name: view for view in monitor.queues(datetime.now(UTC))}
    assert (views["low"].waiting, views["default"].scheduled, views["high"].waiting) == (3, 1, 0)
    assert views["low"].oldest_wait is not None
    assert views["high"].oldest_wait is None


def test_a_queue_with_nothing_but_canceled_jobs_is_listed_only_while_it_is_paused(redis: Redis) -> None:
    (mistyped,) = many(1, "defualt")
    assert "defualt" in {view.name for view in monitor.queues(datetime.now(UTC))}
    queues.empty("defualt", by="tests")
    assert "defualt" not in {view.name for view in monitor.queues(datetime.now(UTC))}
    assert "defualt" in monitor.queue_names()
    assert monitor.get_job(mistyped).status == "canceled"
    queues.pause("defualt", note="", by="tests")
    assert "defualt" in {view.name for view in monitor.queues(datetime.now(UTC))}


def test_a_job_without_a_result_says_what_it_is() -> None:
    job = enqueue(count, 1)
    with pytest.raises(JobConflict, match="it is queued"):
        monitor.get_result(job.id)
    with pytest.raises(JobMissing):
        monitor.get_job("nobody")


def test_a_corrupt_record_hides_only_itself(redis: Redis) -> None:
    good, bad = many(2)
    redis.hset(keys.job(bad), "data", b"\x00garbage")
    assert walk(10) == [good]
    assert monitor.find_job(bad) is None


def test_the_server_says_how_it_keeps_data() -> None:
    view = monitor.server()
    assert view.policy == "noeviction"
    assert view.memory > 0


def test_a_server_that_is_gone_is_reported_at_once(settings: Settings) -> None:
    gone = settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1/0")})
    connection.use_client(connection.connect(gone))
    started = time.monotonic()
    with pytest.raises(RedisUnavailable):
        enqueue(count, 1)
    assert time.monotonic() - started < 3


def test_a_key_of_another_type_hides_no_other_job(redis: Redis) -> None:
    ids = many(3)
    redis.delete(f"rq:job:{ids[1]}")
    redis.set(f"rq:job:{ids[1]}", "not a job")
    assert walk(10) == [ids[2], ids[0]]
    with pytest.raises(JobMissing):
        monitor.get_job(ids[1])


def test_a_text_is_found_in_the_arguments_that_are_shown() -> None:
    ids = many(30)
    assert walk(10, text="7") == [ids[27], ids[17], ids[7]]
    assert walk(10, text="number=29") == [ids[29]]
    assert walk(10, text="other=29") == []


def test_a_page_reads_what_it_shows_and_tells_how_far_it_looked() -> None:
    many(600)
    assert monitor.list_jobs(limit=12).looked_at == 12
    rare = monitor.list_jobs(limit=12, text="nowhere")
    assert (rare.jobs, rare.looked_at, rare.next_cursor) == ((), 600, None)
    assert monitor.list_jobs(limit=600).next_cursor is None


def test_jobs_are_counted_by_state_without_being_read() -> None:
    many(5, "low")
    many(2)
    enqueue_in(60, count, 1)
    counted = [monitor.stored(), monitor.stored("queued"), monitor.stored("queued", "low"), monitor.stored("scheduled")]
    assert counted == [8, 7, 5, 1]


def test_a_rare_job_is_found_behind_many_by_each_filter(redis: Redis) -> None:
    before = datetime.now(UTC)
    rare = with_options(count, queue="low", tags=["vip"]).enqueue(123_456)
    ids = many(60)
    redis.set(keys.job(ids[3]), "not a record")
    redis.hset(keys.job(ids[4]), "data", b"rubbish")
    for filters in ({"tag": "vip"}, {"queue": "low"}, {"text": "123456"}, {"text": "NUMBER=123"}, {"until": before}):
        found = [] if "until" in filters else [rare.id]
        assert walk(10, **filters) == found, filters
    assert walk(10, since=before, tag="vip", text="1234", visible=lambda task: task == "tests.count") == [rare.id]


def test_jobs_that_fit_are_counted_as_far_as_one_looks() -> None:
    with_options(count, tags=["vip"]).enqueue(1)
    many(40)
    wanted = Filter("queued", "tests.count", None, "vip")
    assert sifting.count(wanted, 100) == (1, True)
    assert sifting.count(wanted, 40) == (0, False)
    assert sifting.count(Filter(None, "tests.other", None, None), 100) == (0, True)
