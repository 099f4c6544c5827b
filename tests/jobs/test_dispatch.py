"""Enqueue, against a real server: what is accepted is stored as RQ stores it, once."""

import json
import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job as RqJob
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer

from jobs import (
    connection,
    dispatch,
    enqueue,
    enqueue_at,
    enqueue_in,
    files,
    keys,
    monitor,
    registry,
    task,
    with_options,
)
from jobs.dispatch import JobRequest, submit, submit_many
from jobs.errors import ArgumentsTooLarge, FileMissing, InvalidArguments, QueueFull, UnknownTask
from jobs.files import File
from jobs.finding import find_job
from jobs.settings import Settings, use_settings

pytestmark = pytest.mark.usefixtures("redis")


@task(name="tests.greet", queue="high", timeout=7, result_ttl=600)
def greet(name: str, card: File | None = None) -> str:
    """Say hello."""
    return f"hello {name}"


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return Queue("high", connection=redis, serializer=JSONSerializer)


def test_a_job_waits_where_plain_rq_finds_it(redis: Redis, queue: Queue) -> None:
    job = enqueue(greet, "Ada")
    found = RqJob.fetch(job.id, connection=redis, serializer=JSONSerializer)
    assert queue.job_ids == [job.id]
    assert (found.func_name, found.args) == ("jobs.perform", ["tests.greet", {"name": "Ada"}])
    assert (found.origin, found.timeout, found.result_ttl, found.get_status()) == ("high", 7, 600, "queued")


def test_the_record_is_what_rq_itself_would_write(redis: Redis, queue: Queue, settings: Settings) -> None:
    ours = enqueue(greet, "Ada")
    theirs = queue.enqueue(
        "jobs.perform",
        args=("tests.greet", {"name": "Ada"}),
        job_timeout=7,
        result_ttl=600,
        failure_ttl=settings.failure_ttl,
        description="tests.greet",
    )
    written = connection.read_hash(keys.job(ours.id))
    expected = {name: value for name, value in connection.read_hash(keys.job(theirs.id)).items() if value != b""}
    differing = {b"created_at", b"enqueued_at", b"data"}
    assert {name: written[name] for name in expected.keys() - differing} == {
        name: expected[name] for name in expected.keys() - differing
    }
    assert differing <= written.keys()
    # RQ reads both; ours is plain while it is small, and has no spaces
    assert json.loads(written[b"data"]) == json.loads(zlib.decompress(expected[b"data"]))


def test_a_plain_fetch_that_knows_nothing_of_json_works_too(redis: Redis) -> None:
    job = enqueue(greet, "Ada")
    assert RqJob.fetch(job.id, connection=redis).description == "tests.greet"


def test_a_delayed_job_waits_in_the_set_of_scheduled_ones(redis: Redis, queue: Queue) -> None:
    soon = enqueue_in(timedelta(minutes=5), greet, "Ada")
    assert soon.status == "scheduled"
    assert queue.job_ids == []
    due = ScheduledJobRegistry(queue=queue).get_scheduled_time(soon.id)  # type: ignore[no-untyped-call]
    assert abs((due - datetime.now(UTC)).total_seconds() - 300) < 5


def test_an_instant_in_the_past_is_now(queue: Queue) -> None:
    job = enqueue_at(datetime(2020, 1, 1, tzinfo=UTC), greet, "Ada")
    assert (job.status, queue.job_ids) == ("queued", [job.id])


def test_what_is_read_back_is_what_was_accepted() -> None:
    job = with_options(greet, queue="low", timeout=9, retries=1, tags=["vip", "eu"]).enqueue(name="Ada")
    assert monitor.get_job(job.id) == job


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (JobRequest(task="tests.greet", args={"name": 1}), "/name"),
        (JobRequest(task="tests.greet", args={"name": "A"}, queue="so so"), "/queue"),
        (JobRequest(task="tests.greet", args={"name": "A"}, timeout=0), "/timeout"),
        (JobRequest(task="tests.greet", args={"name": "A"}, retries=-1), "/retries"),
        (JobRequest(task="tests.greet", args={"name": "A"}, job_id="a:b"), "/job_id"),
        (JobRequest(task="tests.greet", args={"name": "A"}, run_at=datetime(2030, 1, 1)), "/run_at"),  # noqa: DTZ001
        (JobRequest(task="tests.greet", args={"name": "A"}, run_at=datetime(2200, 1, 1, tzinfo=UTC)), "/run_at"),
    ],
)
def test_a_wrong_request_is_refused_and_nothing_is_stored(redis: Redis, request_: JobRequest, pointer: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        submit(request_)
    assert [problem.pointer for problem in caught.value.problems] == [pointer]
    assert redis.dbsize() == 0


def test_one_wrong_request_among_many_stores_none_of_them(redis: Redis) -> None:
    with pytest.raises(UnknownTask):
        submit_many([JobRequest(task="tests.greet", args={"name": "A"}), JobRequest(task="tests.gone")])
    assert redis.dbsize() == 0


def test_arguments_above_the_limit_name_the_limit(settings: Settings) -> None:
    with pytest.raises(
        ArgumentsTooLarge, match=r"65,53\d bytes; the limit is 65,536 \(MAX_ARGS_BYTES\)|MAX_ARGS_BYTES"
    ):
        enqueue(greet, "x" * settings.max_args_bytes)


def test_a_file_that_does_not_exist_is_refused_before_anything_is_stored(redis: Redis) -> None:
    with pytest.raises(FileMissing) as caught:
        enqueue(greet, "Ada", File("file_" + "0" * 32))
    assert caught.value.pointer == "/card"
    assert redis.dbsize() == 0


def test_a_file_is_passed_by_its_id() -> None:
    card = files.store("card.txt", b"hello")
    assert enqueue(greet, "Ada", card).args == {"name": "Ada", "card": card.id}


def test_many_jobs_keep_their_order(queue: Queue) -> None:
    accepted = submit_many(JobRequest(task="tests.greet", args={"name": str(n)}) for n in range(1000))
    assert queue.job_ids == [job.id for job in accepted]


def test_jobs_of_several_kinds_in_one_call_keep_their_order_and_each_its_options(queue: Queue) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    asked: list[dict[str, Any]] = [
        {"timeout": 5, "tags": ["a"]},
        {"retries": 1},
        {"timeout": 5, "idempotency_key": "k"},
        {"run_at": later},
        {"priority": "low"},
        {"idempotency_key": "k"},
        {"retries": 1},
    ]
    accepted = submit_many(JobRequest(task="tests.greet", args={"name": "A"}, **one) for one in asked)
    assert accepted[5].id == accepted[2].id
    assert queue.job_ids == [accepted[number].id for number in (0, 1, 2, 6)]
    assert [monitor.get_job(job.id) for job in accepted] == accepted
    assert [job.timeout for job in accepted] == [5, 7, 5, 7, 7, 5, 7]


def test_a_queue_that_has_been_taken_off_the_list_is_on_it_with_the_next_job(redis: Redis) -> None:
    enqueue(greet, "Ada")
    redis.delete(keys.QUEUES, keys.queue("high"))
    enqueue(greet, "Ada")
    assert redis.smembers(keys.QUEUES) == {keys.queue("high").encode()}


def test_many_jobs_with_files_and_with_keys_that_are_taken_need_one_connection(
    redis: Redis, settings: Settings
) -> None:
    connection.use_client(connection.connect(settings, budget=0.5, most=1))
    cards = [files.store("card.txt", b"hello") for _ in range(4)]
    asked = [
        JobRequest(task="tests.greet", args={"name": "A", "card": card.id}, idempotency_key=str(number % 2))
        for number, card in enumerate(cards)
    ]
    first, second, *again = submit_many(asked, at_once=1)
    assert [job.id for job in again] == [first.id, second.id]


def test_a_bulk_enqueue_that_is_refused_keeps_no_connection(settings: Settings) -> None:
    connection.use_client(connection.connect(settings, budget=0.5, most=1))
    use_settings(settings.model_copy(update={"max_queue_depth": 2}))
    with pytest.raises(QueueFull) as refused:
        submit_many((JobRequest(task="tests.greet", args={"name": "A"}) for _ in range(4)), at_once=1)
    assert refused.traceback  # and with it the frames of the call, as a web framework holds them while it answers
    assert connection.client().llen(keys.queue("high")) == 2


def test_an_enqueue_that_is_sent_twice_is_one_job(redis: Redis, settings: Settings, queue: Queue) -> None:
    job = dispatch.prepare(JobRequest(task="tests.greet", args={"name": "A"}), settings, datetime.now(UTC))
    assert dispatch._send(job, settings) == dispatch._send(job, settings) == job
    assert queue.job_ids == [job.id]


def test_a_hundred_parallel_requests_with_one_key_are_one_job(queue: Queue) -> None:
    request = JobRequest(task="tests.greet", args={"name": "A"}, idempotency_key="order-17")
    with ThreadPoolExecutor(16) as pool:
        accepted = list(pool.map(lambda _: submit(request).id, range(100)))
    assert queue.job_ids == [accepted[0]]
    assert set(accepted) == {accepted[0]}


@pytest.fixture
def counted(redis: Redis) -> Callable[[str], int]:
    """How many commands the server got from outside of scripts."""
    before = redis.info("commandstats")
    return lambda name: _calls(redis.info("commandstats"), name) - _calls(before, name)


def _calls(stats: Any, name: str) -> int:
    return int(stats.get(f"cmdstat_{name}", {}).get("calls", 0))


def test_a_thousand_jobs_take_four_round_trips(counted: Callable[[str], int]) -> None:
    submit_many(JobRequest(task="tests.greet", args={"name": str(n)}) for n in range(1000))
    assert counted("evalsha") + counted("eval") <= 5


def test_jobs_enqueued_after_a_fork_use_a_connection_of_their_own(queue: Queue) -> None:
    enqueue(greet, "parent")
    child = os.fork()
    if child == 0:
        enqueue(greet, "child")
        os._exit(0)
    os.waitpid(child, 0)
    enqueue(greet, "parent again")
    assert len(queue.job_ids) == 3


def test_a_job_that_was_sent_holds_its_arguments_once_and_can_be_sent_again(settings: Settings, redis: Redis) -> None:
    request = JobRequest(task="tests.greet", args={"name": "A"})
    assert [job.encoded for job in [submit(request), *submit_many([request] * 3, at_once=2)]] == [b""] * 4
    card = JobRequest(task="tests.greet", args={"name": "A", "card": files.store("a", b"a").id})
    job = dispatch.prepare(card, settings, datetime.now(UTC))
    assert dispatch._send(job, settings) == job
    files.delete(job.args["card"])
    with pytest.raises(FileMissing):
        dispatch._send(job, settings)


@pytest.mark.parametrize("microsecond", [0, 7, 70_000, 999_999])
def test_a_job_is_listed_by_when_it_was_created(redis: Redis, settings: Settings, microsecond: int) -> None:
    now = datetime(2026, 11, 21, 17, 0, 9, microsecond, tzinfo=UTC)
    job = dispatch.prepare(JobRequest(task="tests.greet", args={"name": "A"}), settings, now)
    dispatch._send(job, settings)
    assert redis.zscore(keys.JOBS, job.id) == pytest.approx(now.timestamp() * 1000, abs=0.0005, rel=0)
    found = find_job(job.id)
    assert found is not None
    assert found.created_at == now


@pytest.mark.parametrize("name", ["Ada", "", 'a "quoted" name', "back\\slash", "Zoë \U0001f600", "\x00\x7f", "x" * 300])
def test_a_record_has_the_arguments_as_they_were_given(redis: Redis, name: str) -> None:
    found = find_job(submit(JobRequest(task="tests.greet", args={"name": name})).id)
    assert found is not None
    assert found.args == {"name": name}


def test_the_registry_knows_the_task_that_was_enqueued() -> None:
    assert registry.task_of(greet).name == "tests.greet"
