"""The connections of a client: the driver's pool, without what it counts for watchers that nobody has set up."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from queue import Full
from time import monotonic
from typing import Any

from redis import BlockingConnectionPool, Connection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TookTooLong

from .turns import Turns
from .waits import Waits, timed

_TRUSTED = 1.0  # seconds


class _Process:
    """How many forks lie between this process and the first."""

    forks = 0

    @classmethod
    def note_fork(cls) -> None:
        cls.forks += 1


os.register_at_fork(after_in_child=_Process.note_fork)


class Spare:
    """What a pool without a limit keeps its idle connections in; None stands for one not made yet."""

    def __init__(self, size: int) -> None:
        self.queue: list[Any] = []  # the driver looks at it, too

    def get(self, block: bool = True, timeout: float = 0) -> Any:
        """The connection that was used last."""
        try:
            return self.queue.pop()
        except IndexError:
            return None

    def put_nowait(self, connection: Any) -> None:
        """Take one back. There is no number of places to fill, which Full tells the driver at its first try."""
        if connection is None:
            raise Full
        self.queue.append(connection)


class Pool(BlockingConnectionPool):
    """Takes and gives back with a third of the driver's own work, which would be a fifth of that of an enqueue.

    A connection is never shared with a fork, and one that the server has closed, or that holds the rest of a reply
    nobody has read, is made anew before it is used.
    """

    def __init__(self, *, most: int | None = None, meanwhile: Callable[[], None] | None = None, **options: Any) -> None:
        kept: Any = partial(Turns, meanwhile=meanwhile) if most else Spare
        if meanwhile:
            options["connection_class"] = timed(options.get("connection_class", Connection))
            options["waits"] = Waits(meanwhile)
        super().__init__(max_connections=most or 1, queue_class=kept, **options)  # type: ignore[no-untyped-call]
        self._forks = _Process.forks

    def get_connection(self, command_name: str | None = None, *keys: Any, **options: Any) -> Any:
        """One that is ready. Raises the driver's errors."""
        return self._ready(self._take())

    def lend(self) -> Any:
        """The same for a call that may be sent twice: one that is trusted is not looked at, which is two system calls.

        Should the server have closed it just now, then the call is sent again over a new one.
        """
        connection = self._take()
        return connection if monotonic() < connection.trusted_until else self._ready(connection)

    def trust(self, connection: Any) -> None:
        """Its last reply has been read to the end: for a moment there is nothing to be found."""
        connection.trusted_until = monotonic() + _TRUSTED

    def make_connection(self) -> Any:
        """One that is not connected yet."""
        connection: Any = super().make_connection()  # type: ignore[no-untyped-call]
        connection.trusted_until = 0.0
        return connection

    def _take(self) -> Any:
        self._heed_fork()
        return self.pool.get(timeout=self.timeout) or self.make_connection()

    def _heed_fork(self) -> None:
        """In a child the driver begins anew; it would ask the system at every call whether this is one."""
        if self._forks != _Process.forks:
            self._checkpid()
            self._forks = _Process.forks

    def _ready(self, connection: Any) -> Any:
        connection.trusted_until = 0.0  # who has it now may leave a reply unread
        try:
            _make_ready(connection)
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Take one back."""
        self._heed_fork()
        own = self.owns_connection(connection)
        if not own or connection.should_reconnect():
            connection.disconnect()
        try:
            self.pool.put_nowait(connection if own else None)
        except Full:
            pass


def _make_ready(connection: Any) -> None:
    """A new one is not looked at: TLS may have sent a ticket already, which looks as if somebody had not read it."""
    if connection.is_connected and not _is_clean(connection):
        connection.disconnect()
    connection.connect()


def _is_clean(connection: Any) -> bool:
    try:
        return not connection.can_read()
    except (ConnectionLost, TookTooLong, OSError):
        return False
