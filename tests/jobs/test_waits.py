"""Who has something else to do meanwhile is told of long waits for the server, and not of short ones."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from jobs.turns import Turns
from jobs.waits import LONG, Waits


def _near() -> str:
    return "a reply"


def _far() -> str:
    time.sleep(2 * LONG)
    return "a reply"


def test_a_server_that_replies_at_once_is_waited_for() -> None:
    told = list[str]()
    waits = Waits(lambda: told.append("long"))
    assert {waits.reply(_near) for _ in range(100)} == {"a reply"}
    assert not told


def test_a_server_that_is_far_away_is_known_after_a_few_replies_and_timed_now_and_then() -> None:
    told = list[str]()
    waits = Waits(lambda: told.append("long"))
    for _ in range(7):
        waits.reply(_far)
    assert not told, "one of the last eight was short"
    for _ in range(1 + 32):
        waits.reply(_far)
    assert len(told) == 30, "one in sixteen is timed"


def test_one_late_reply_is_nothing_and_one_short_one_ends_it() -> None:
    told = list[str]()
    waits = Waits(lambda: told.append("long"))
    for _ in range(20):
        waits.reply(_near)
        waits.reply(_far)
    assert not told
    for _ in range(8):
        waits.reply(_far)
    for _ in range(16):
        waits.reply(_near)
    assert len(told) == 15
    for _ in range(16):
        waits.reply(_near)
    assert len(told) == 15, "the one that was timed was short"


def test_who_has_to_wait_for_a_connection_is_told_so() -> None:
    told = Event()
    turns = Turns(1, meanwhile=told.set)
    turns.put_nowait(None)
    turns.get()
    assert not told.is_set()
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(turns.get)
        assert told.wait(5)
        turns.put_nowait(None)
        assert second.result(5) is None
