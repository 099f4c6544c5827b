"""A client of few connections: threads take turns, and nobody waits longer than for one call that is not answered."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from redis import Redis

from jobs import connection
from jobs.connection import Client, connect
from jobs.errors import RedisUnavailable
from jobs.settings import Settings
from jobs.turns import Turns


@pytest.fixture
def shared(redis: Redis, settings: Settings) -> Iterator[Client]:
    client = connect(settings, budget=0.5, most=2)
    yield client
    client.close()


def test_many_threads_share_few_connections(shared: Client, redis: Redis) -> None:
    before = _connected(redis)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: shared.incr("counted"), range(400)))
    assert redis.get("counted") == b"400"
    assert _connected(redis) - before == 2


def test_a_connection_goes_to_who_has_waited_longest(shared: Client) -> None:
    order: list[int] = []
    turns = Turns(1)
    turns.put_nowait(None)

    def take(number: int) -> None:
        taken = turns.get()
        order.append(number)
        turns.put_nowait(taken)

    turns.get()
    with ThreadPoolExecutor(4) as threads:
        for number in range(4):
            threads.submit(take, number)
            while len(turns._waiting) <= number:
                time.sleep(0.001)
        turns.put_nowait(None)
    assert order == [0, 1, 2, 3]


def test_who_waits_for_longer_than_the_budget_is_told_what_would_help(shared: Client) -> None:
    taken = [shared.connection_pool.get_connection() for _ in range(2)]
    with pytest.raises(RedisUnavailable, match=r"\(2\) were busy for 0\.5 s; WEB_CONNECTIONS"):
        _call(shared)
    for one in taken:
        shared.connection_pool.release(one)
    assert shared.ping()


def test_who_waits_behind_a_call_that_is_not_answered_is_told_with_it(shared: Client, redis: Redis) -> None:
    assert shared.ping()
    redis.client_pause(800)
    began = time.monotonic()
    with ThreadPoolExecutor(12) as threads:
        calls = [threads.submit(_call, shared) for _ in range(12)]
        wait(calls)
    assert time.monotonic() - began < 1
    assert all(isinstance(call.exception(), RedisUnavailable) for call in calls)
    redis.ping()


def test_a_fork_has_connections_of_its_own(shared: Client) -> None:
    own = shared.client_id()
    if (child := os.fork()) == 0:
        os._exit(int(shared.client_id() == own))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert shared.client_id() == own


def _call(client: Client) -> None:
    with connection.translate_errors():
        client.get("key")


def _connected(redis: Redis) -> int:
    return int(redis.info("clients")["connected_clients"])
