"""The pool hands out only connections on which the next reply is that of the next call."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from jobs.connection import Client, connect
from jobs.scripts import script
from jobs.settings import Settings

KINDS: dict[str, dict[str, Any]] = {
    "without a limit": {},
    "of one connection": {"most": 1},
    "of threads with something else to do": {"most": 1, "meanwhile": lambda: None},
}


@pytest.fixture(params=KINDS.values(), ids=list(KINDS))
def client(request: pytest.FixtureRequest, redis: Redis, settings: Settings) -> Iterator[Client]:
    made = connect(settings, **request.param)
    yield made
    made.close()


def test_a_script_finds_out_by_itself_that_its_connection_has_been_closed(client: Client, redis: Redis) -> None:
    heads, keys = script("waiting"), ["rq:queue:none"]
    assert heads(keys, [], client) == 0
    redis.client_kill_filter(_type="normal", skipme=True)
    assert heads(keys, [], client) == 0


def test_a_script_in_turn_goes_on_over_a_new_connection(client: Client, redis: Redis) -> None:
    replies = script("waiting").in_turn(["rq:queue:none"], ([] for _ in range(3)), client)
    assert next(replies) == 0
    redis.client_kill_filter(_type="normal", skipme=True)
    assert list(replies) == [0, 0]


def test_a_reply_that_nobody_waits_for_any_more_is_not_that_of_the_next_call(client: Client) -> None:
    def calls() -> Iterator[list[str]]:
        yield []
        raise ValueError("the next call cannot be made")

    with pytest.raises(ValueError, match="cannot be made"):
        list(script("waiting").in_turn(["rq:queue:none"], calls(), client))
    assert client.echo("mine") == b"mine"


def _number(connection: Any) -> int:
    connection.send_command("CLIENT", "ID")
    return int(connection.read_response())


def test_the_connection_used_last_is_used_again(client: Client) -> None:
    pool = client.connection_pool
    first = pool.get_connection()
    pool.release(first)
    assert pool.get_connection() is first


def test_one_that_the_server_has_closed_is_made_anew(client: Client, redis: Redis) -> None:
    pool = client.connection_pool
    taken = pool.get_connection()
    number = _number(taken)
    pool.release(taken)
    redis.client_kill_filter(_id=str(number))
    assert _number(pool.get_connection()) != number


def test_one_with_a_reply_that_nobody_has_read_is_made_anew(client: Client) -> None:
    pool = client.connection_pool
    taken: Any = pool.get_connection()
    taken.send_command("ECHO", "somebody else's")
    assert taken.can_read(timeout=2)
    pool.release(taken)
    assert _number(pool.get_connection()) > 0


def test_a_child_and_its_child_have_connections_of_their_own(client: Client) -> None:
    pool: Any = client.connection_pool
    number = _lent(pool)
    taken = pool.lend()  # while it is in use here, the child must not even give it back
    if (child := os.fork()) == 0:
        pool.release(taken)
        numbers = {number, _lent(pool)}
        if (grandchild := os.fork()) == 0:
            os._exit(int(_lent(pool) in numbers))
        os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) or len(numbers) - 2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _number(taken) == number
    pool.release(taken)


def _lent(pool: Any) -> int:
    connection = pool.lend()
    try:
        return _number(connection)
    finally:
        pool.release(connection)
