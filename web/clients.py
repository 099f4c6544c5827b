"""The clients of a web process: who waits at the door, who has something to say, and who was silent for too long.

Only the thread that leads calls this, but for `give_back`, `ring` and `leave_alone`.
"""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from gunicorn.config import Config

from jobs.logs import get_logger

from .connections import Connection
from .pacing import Deadlines

_BEAT = 1.0
"""How often the silent are looked after."""
_HESITATION = 0.001
"""Seconds in which another process, which has fewer connections, may take a new one."""

log = get_logger("web")


class Clients:
    """All connections of this process."""

    def __init__(self, listeners: Sequence[Any], cfg: Config, deadlines: Deadlines) -> None:
        self._listeners, self._cfg, self._deadlines = listeners, cfg, deadlines
        self.connections: set[Connection] = set()
        self._ready: deque[Connection] = deque()
        self._unread: list[Connection] = []
        """Those whose next request came together with the last, of which the poller knows nothing."""
        self._returned: deque[tuple[Connection, bool]] = deque()
        self._accepting, self._hesitated, self._tidy_at = False, False, 0.0
        self._last = math.inf
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._poller = selectors.DefaultSelector()
        self._poller.register(self._bell, selectors.EVENT_READ)
        self._accept_while(room=True)

    def next_ready(self, hesitates: Callable[[], bool]) -> Connection | None:
        """One who has something to say; None after a while without. `hesitates`: whether others should accept first."""
        if not self._ready:
            self._take_back()
            arrived = self._look()
            self._tidy(time.monotonic())
            if not self._stopping:
                self._let_in(arrived, hesitates)
        if not self._ready:
            return None
        connection = self._ready.popleft()
        connection.wake()
        return connection

    def settle(self, connection: Connection, *, stays: bool) -> None:
        """Put back one that the leader has served, who is watched all the time."""
        if stays:
            self._keep(connection)
        else:
            self._drop(connection)

    def leave_alone(self, connection: Connection) -> None:
        """Watch it no longer, as the thread that serves it does not lead any more."""
        self._poller.unregister(connection)

    def give_back(self, connection: Connection, *, stays: bool) -> None:
        """Let the leader watch again one that was left alone."""
        self._returned.append((connection, stays))
        self.ring()

    def ring(self) -> None:
        """Wake the leader."""
        with suppress(BlockingIOError):
            self._rope.send(b".")

    def stop(self, linger: float) -> None:
        """Accept no more, and close what is silent after so many seconds."""
        self._last = time.monotonic() + linger
        self.ring()

    @property
    def _stopping(self) -> bool:
        return self._last < math.inf

    def _take_back(self) -> None:
        while self._returned:
            connection, stays = self._returned.popleft()
            if stays:
                self._poller.register(connection, selectors.EVENT_READ)
                self._keep(connection)
            else:
                self._close(connection)

    def _keep(self, connection: Connection) -> None:
        connection.rest(self._cfg.keepalive)
        if connection.has_more():
            self._unread.append(connection)

    def _tidy(self, now: float) -> None:
        """About once a second: close what was silent for too long, and accept as many connections as there may be."""
        if now < self._tidy_at and not self._stopping:
            return
        self._tidy_at, spoken = now + _BEAT, set(self._ready)
        for connection in [one for one in self.connections - spoken if one.is_over(now, self._last)]:
            self._drop(connection)
        if self._stopping:
            self._shut()
        else:
            self._accept_while(room=self._has_room())

    def _has_room(self) -> bool:
        most: int = self._cfg.worker_connections
        return len(self.connections) < most

    def _accept_while(self, *, room: bool) -> None:
        if room is self._accepting:
            return
        self._accepting = room
        for listener in self._listeners:
            if room:
                self._poller.register(listener, selectors.EVENT_READ)
            else:
                self._poller.unregister(listener)

    def _shut(self) -> None:
        """Answer who was let in; who comes now is refused, and the router asks another process."""
        self._accept_while(room=False)
        for listener in self._listeners:
            while self._accept(listener):
                pass
            listener.close()
        self._listeners = ()

    def _look(self) -> list[Any]:
        """Wait for clients who have something to say; gives the doors at which new ones wait."""
        spoken, arrived = dict.fromkeys(self._unread), []
        longest = _BEAT / 100 if self._stopping else _BEAT
        for key, _ in self._poller.select(0 if spoken else longest):
            if isinstance(key.fileobj, Connection):
                spoken[key.fileobj] = None
            elif key.fileobj is self._bell:
                self._bell.recv(4096)
            else:
                arrived.append(key.fileobj)
        self._unread.clear()
        self._ready.extend(spoken)
        return arrived

    def _let_in(self, arrived: list[Any], hesitates: Callable[[], bool]) -> None:
        """Accept one at each door, but see first whether another process does while the ready are served."""
        if arrived and not self._hesitated and hesitates():
            self._hesitated = True
            if not self._ready:
                time.sleep(_HESITATION)
            return
        self._hesitated = False
        for listener in arrived:
            self._accept(listener)
        self._accept_while(room=self._accepting and self._has_room())

    def _accept(self, listener: Any) -> bool:
        """Whether somebody was there."""
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False  # another process was faster, or the client has gone
        except OSError as error:
            log.error("no connection can be accepted for a second", reason=str(error))  # the files that may be open
            self._accept_while(room=False)
            return False
        sock.setblocking(True)
        connection = Connection(sock, (client, listener.getsockname()), self._cfg, self._deadlines)
        connection.rest(self._cfg.keepalive)
        self.connections.add(connection)
        self._poller.register(connection, selectors.EVENT_READ)
        return True

    def _drop(self, connection: Connection) -> None:
        self._poller.unregister(connection)
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        self.connections.discard(connection)
        connection.close()
        if not self._stopping:
            self._accept_while(room=self._has_room())
