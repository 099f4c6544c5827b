"""The few connections that the threads of a web process share: first come, first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Full
from threading import Lock
from typing import Any

from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TookTooLong


@dataclass(slots=True, eq=False)
class _Turn:
    """A thread that waits at its gate, until somebody puts something there and opens it."""

    gate: Any = field(default_factory=Lock)
    found: Any = None

    def __post_init__(self) -> None:
        self.gate.acquire()

    def give(self, found: Any) -> None:
        self.found = found
        self.gate.release()


class Turns:
    """What redis-py's BlockingConnectionPool keeps its idle connections in; None stands for one not made yet.

    The driver's own gives a connection to whoever is quickest: a thread that makes call after call would keep others
    waiting. Here it goes to who has waited longest. When it comes back lost, those who wait learn so at once: if each
    in turn found out by itself that the server hangs, the last would be answered long after the first. Who has to wait
    calls `meanwhile` before.
    """

    def __init__(self, size: int, meanwhile: Callable[[], None] | None = None) -> None:
        self._size, self._meanwhile = size, meanwhile
        self._lock = Lock()
        self._waiting: deque[_Turn] = deque()
        self.queue: list[Any] = []  # the driver looks at it, too

    def get(self, block: bool = True, timeout: float = 2.0) -> Any:
        """A connection, the one used last if there is a choice. Raises the driver's errors."""
        with self._lock:
            if self.queue:
                return self.queue.pop()
            self._waiting.append(turn := _Turn())
        if self._meanwhile:
            self._meanwhile()
        if not turn.gate.acquire(timeout=timeout):
            self._leave(turn, timeout)
        if isinstance(turn.found, Exception):
            raise turn.found
        return turn.found

    def put_nowait(self, connection: Any) -> None:
        """Take one back, or give it on."""
        with self._lock:
            if connection is not None and not connection.is_connected:
                self._send_away()
            if self._waiting:
                self._waiting.popleft().give(connection)
            elif len(self.queue) == self._size:
                raise Full
            else:
                self.queue.append(connection)

    def _leave(self, turn: _Turn, waited: float) -> None:
        with self._lock:
            if turn in self._waiting:  # or else it got one at the last moment
                self._waiting.remove(turn)
                busy = f"all connections of this process ({self._size}) were busy for {waited:g} s"
                raise ConnectionLost(f"{busy}; WEB_CONNECTIONS allows more")

    def _send_away(self) -> None:
        while self._waiting:
            self._waiting.popleft().give(TookTooLong("it did not answer the call before this one"))
