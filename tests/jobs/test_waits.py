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
    for _ in range(32):
        waits.reply(_far)
    assert not told, "one of the four that were timed was short"
    for _ in range(32):
        waits.reply(_far)
    assert len(told) == 28, "one in eight is timed"


def test_late_replies_among_others_are_nothing_and_one_short_one_ends_it() -> None:
    told = list[str]()
    waits = Waits(lambda: told.append("long"))
    for reply in [*[_near] * 15, *[_far] * 16] * 3:
        waits.reply(reply)
    assert not told
    for _ in range(40):
        waits.reply(_far)
    before = len(told)
    assert before
    for _ in range(40):
        waits.reply(_near)
    assert len(told) - before < 8, "until the next that was timed"


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
