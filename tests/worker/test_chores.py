"""Chores wait together through an outage, and fail alone."""

from __future__ import annotations

from redis.exceptions import ResponseError

from jobs.errors import RedisUnavailable
from worker.chores import Chore, Chores


class Log:
    """Chores that tell when they were done, and fail on demand."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing: dict[str, Exception] = {}

    def chore(self, name: str, interval: float) -> Chore:
        """A chore with this name."""

        def work() -> None:
            if name in self.failing:
                raise self.failing[name]
            self.done.append(name)

        return Chore(interval, work)


def test_each_chore_has_its_own_rhythm() -> None:
    log = Log()
    chores = Chores(log.chore("often", 1), log.chore("seldom", 3))
    for second in range(100, 106):
        chores.run(second)
    assert (log.done.count("often"), log.done.count("seldom")) == (6, 2)


def test_an_outage_delays_all_and_the_failed_one_comes_first_afterwards() -> None:
    log = Log()
    chores = Chores(log.chore("first", 60), log.chore("second", 1))
    log.failing["first"] = RedisUnavailable("gone")
    chores.run(1e12)
    assert log.done == []
    log.failing.clear()
    chores.run(1e12 + 10)
    assert log.done == ["first", "second"]


def test_a_chore_that_the_server_refuses_keeps_no_other_from_its_work() -> None:
    log = Log()
    chores = Chores(log.chore("refused", 1), log.chore("other", 1))
    log.failing["refused"] = ResponseError("WRONGTYPE")
    chores.run(100)
    chores.run(101)
    assert log.done == ["other", "other"]
    log.failing.clear()
    chores.run(106)
    assert log.done[-2:] == ["refused", "other"]
