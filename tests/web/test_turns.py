"""Threads that take turns: one leads, and who has to wait lets another lead."""

import threading
import time
from types import SimpleNamespace

import pytest

from web.turns import Turns, let_others_lead


def test_one_thread_leads_until_its_turn_ends() -> None:
    turns, order = Turns[str](lambda _: None), list[str]()
    turn = turns.take()

    def lead() -> None:
        turns.take()
        order.append("other")

    other = threading.Thread(target=lead)
    other.start()
    order.append("first")
    let_others_lead()
    other.join(5)
    assert order == ["first", "other"]
    assert turns.current is not turn


def test_what_a_leader_serves_is_left_when_its_turn_ends_and_only_then() -> None:
    left = list[str]()
    turns = Turns[str](left.append)
    turn = turns.take()
    turn.begin("a quick one")
    assert turns.finish(turn)
    turn.begin("a slow one")
    turns.end(turn)
    turns.end(turn)
    assert left == ["a slow one"]
    assert not turns.finish(turn), "it has to give it back"


def test_a_thread_that_does_not_lead_takes_nobodys_turn() -> None:
    turns = Turns[str](lambda _: None)
    first = turns.take()
    turns.end(first)
    second = threading.Thread(target=turns.take)
    second.start()
    second.join(5)
    now = turns.current
    let_others_lead()
    assert turns.current is now is not None


def test_the_watch_ends_the_turn_of_a_leader_who_serves_the_same_for_long() -> None:
    turns = Turns[str](lambda _: None)
    turn = turns.take()
    turns.end_after(0.0)
    assert turns.current is turn, "it waits for clients, which is what a leader does"
    turn.begin("a slow one")
    turns.end_after(60.0)
    assert turns.current is turn
    time.sleep(0.01)
    turns.end_after(0.005)
    assert turns.current is None


def test_a_leader_who_finishes_while_the_watch_looks_leads_on_or_does_not_but_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns, lasts = Turns[str](lambda _: None), list[bool]()
    turn = turns.take()
    turn.begin("a slow one")
    leader = threading.Thread(target=lambda: lasts.append(turns.finish(turn)))

    def much_later() -> float:
        leader.start()
        leader.join(0.1)
        return 1e12

    monkeypatch.setattr("web.turns.time", SimpleNamespace(monotonic=much_later))
    turns.end_after(0.0)
    leader.join(5)
    assert lasts == [turns.current is turn], "or there were two leaders"
