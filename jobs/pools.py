"""The connections of a client: the driver's pool, without what it counts for watchers that nobody has set up."""

from __future__ import annotations

from contextlib import suppress
from queue import Full
from typing import Any

from redis import BlockingConnectionPool
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TookTooLong

from .turns import Turns


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

    def __init__(self, *, most: int | None = None, **options: Any) -> None:
        super().__init__(max_connections=most or 1, queue_class=Turns if most else Spare, **options)  # type: ignore[no-untyped-call]

    def get_connection(self, command_name: str | None = None, *keys: Any, **options: Any) -> Any:
        """One that is ready. Raises the driver's errors."""
        self._checkpid()
        connection = self.pool.get(timeout=self.timeout) or self.make_connection()  # type: ignore[no-untyped-call]
        try:
            _make_ready(connection)
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Take one back."""
        self._checkpid()
        own = self.owns_connection(connection)
        if not own or connection.should_reconnect():
            connection.disconnect()
        with suppress(Full):
            self.pool.put_nowait(connection if own else None)


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
