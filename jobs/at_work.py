"""The job that is being run here, for modules that need not know more of it than its name and its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import Any, Protocol


class Running(Protocol):
    """What a running job says of itself; nothing of it is worked out before somebody asks."""

    def about(self) -> Mapping[str, Any]:
        """What every line of the log that it causes carries."""

    def secrets(self) -> frozenset[str]:
        """The texts that nobody may see."""


_running: ContextVar[Running | None] = ContextVar("the running job", default=None)


def running() -> Running | None:
    """The job that this thread or coroutine runs; None outside of one."""
    return _running.get()


def begin(job: Running) -> Token[Running | None]:
    """This job runs from now on; give what this returns to `end`."""
    return _running.set(job)


def end(token: Token[Running | None]) -> None:
    """It no longer runs."""
    _running.reset(token)
