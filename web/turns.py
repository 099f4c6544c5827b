"""Threads of a web process that take turns: one leads, which waits for clients and serves who has something to say.

While requests are short, one thread does everything: Python runs one at a time anyway, and threads that hand requests
to each other need a third more CPU time for each. A leader who has to wait ends its turn, so that another thread leads:
by itself where it knows that it will wait, or by the watch, which finds that its request takes long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Served = TypeVar("Served")

_here = threading.local()


@dataclass(slots=True, eq=False)
class Turn(Generic[Served]):
    """The time in which one thread leads."""

    turns: Turns[Served]
    serving: Served | None = None
    since: float = field(default=0.0)
    """When it began to serve that, on the clock of `time.monotonic`."""

    def begin(self, served: Served) -> None:
        """Serve one."""
        self.since = time.monotonic()
        self.serving = served


class Turns(Generic[Served]):
    """Who leads; `leave` is called with what a leader serves when its turn ends before that is served."""

    def __init__(self, leave: Callable[[Served], None]) -> None:
        self.current: Turn[Served] | None = None
        self._leave = leave
        self._door, self._lock = threading.Lock(), threading.Lock()

    def take(self) -> Turn[Served]:
        """Wait until nobody leads, and lead."""
        self._door.acquire()
        turn = self.current = _here.turn = Turn(self)
        return turn

    def finish(self, turn: Turn[Served]) -> bool:
        """What it served is served; gives whether the turn lasts."""
        with self._lock:
            turn.serving = None
            return self.current is turn

    def end(self, turn: Turn[Served]) -> None:
        """Let another thread lead, unless one does already."""
        with self._lock:
            if self.current is turn:
                self._end(turn)

    def end_after(self, seconds: float) -> None:
        """Let another thread lead when the leader has served the same for so long."""
        with self._lock:  # or it could finish in between, lead on, and not be the only one
            turn = self.current
            if turn is not None and turn.serving is not None and time.monotonic() - turn.since > seconds:
                self._end(turn)

    def _end(self, turn: Turn[Served]) -> None:
        self.current = None
        if turn.serving is not None:
            self._leave(turn.serving)
        self._door.release()


def let_others_lead() -> None:
    """Say that this thread will have to wait; without effect in one that does not lead."""
    turn: Turn[object] | None = getattr(_here, "turn", None)
    if turn is not None:
        turn.turns.end(turn)
