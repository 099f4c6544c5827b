"""Threads that have something else to do while the server's reply is on its way, if that takes long enough."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from time import perf_counter
from typing import Any

LONG = 0.0003
"""Seconds; another machine takes longer to reply, this one a third of that. To hand work on takes about a tenth."""
_EVERY, _SAMPLES = 8, 4


class Waits:
    """How long the server takes to reply; `meanwhile` is called before a reply that will take long.

    One reply in eight is timed, and the shortest of four counts, as a busy processor makes some of them late.
    """

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.meanwhile = meanwhile
        self._timed: deque[float] = deque([0.0] * _SAMPLES, _SAMPLES)
        self._long, self._replies = False, 0

    def reply(self, read: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Read one."""
        self._replies += 1
        if self._replies % _EVERY:
            if self._long:
                self.meanwhile()
            return read(*args, **options)
        began = perf_counter()
        found = read(*args, **options)
        self._timed.append(perf_counter() - began)
        self._long = min(self._timed) > LONG
        return found


@cache
def timed(kind: type) -> type:
    """The driver's connections of one kind, whose replies are read by the `Waits` that they are given."""

    class Timed(kind):  # type: ignore[misc]
        def __init__(self, *, waits: Waits, **options: Any) -> None:
            super().__init__(**options)
            self._reply = waits.reply

        def read_response(self, *args: Any, **options: Any) -> Any:
            return self._reply(super().read_response, *args, **options)

    return Timed
