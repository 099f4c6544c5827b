"""How slowly a client may send its request and take its answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from gunicorn.http.errors import ParseException

from .turns import let_others_lead

HEAD_SECONDS = 5.0
"""How long a request line and headers may take in all; a browser sends them at once."""
IDLE_SECONDS = 10.0
"""How long a body may pause, and how long a client may take nothing of an answer."""

BODY_SECONDS = 10.0
"""How long a body may take in all, besides what it needs at the least pace."""
LEAST_PACE = 32 * 1024
"""Bytes a second; who sends more slowly holds a thread for nothing."""
_STEP = 1024 * 1024


class Deadlines:
    """By when something has to come from which client."""

    def __init__(self) -> None:
        self._until: dict[socket.socket, float] = {}
        self._lock = Lock()

    def expect(self, sock: socket.socket, until: float | None) -> None:
        """Hang up unless what is being read has come by then; None: nothing is being read."""
        with self._lock:
            if until is None:
                self._until.pop(sock, None)
            else:
                self._until[sock] = until

    def hang_up(self, now: float) -> None:
        """Wake the threads that wait for the rest of a request: their next read finds the connection closed."""
        with self._lock:
            overdue = [sock for sock, until in self._until.items() if until < now]
            for sock in overdue:
                del self._until[sock]
        for sock in overdue:
            _shut(sock)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the client was faster


class Line:
    """A client's socket that waits only for what is not there at once, and lets other threads lead while it does.

    The head of an answer goes out with what follows: gunicorn would send it by itself. And a timeout of Python's stands
    only while something waits: it makes two calls of each.
    """

    def __init__(self, sock: socket.socket, deadlines: Deadlines) -> None:
        self._sock, self._deadlines = sock, deadlines
        self._in_head, self._awaits_head = True, False
        self._begun, self._held = False, b""

    def __getattr__(self, name: str) -> Any:
        self.flush()
        return getattr(self._sock, name)

    def begin_request(self) -> None:
        """What is read from now on is a head."""
        self._in_head, self._begun = True, False

    def end_head(self) -> None:
        """What is read from now on is a body."""
        self._in_head = False
        if self._awaits_head:
            self._awaits_head = False
            self._deadlines.expect(self._sock, None)

    def recv(self, size: int) -> bytes:
        """Read what is there, or wait for more; raises TimeoutError when nothing comes."""
        try:
            return self._sock.recv(size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return self._await(size)

    def _await(self, size: int) -> bytes:
        let_others_lead()
        if self._in_head and not self._awaits_head:
            self._awaits_head = True
            self._deadlines.expect(self._sock, time.monotonic() + HEAD_SECONDS)
        self._sock.settimeout(IDLE_SECONDS)
        try:
            return self._sock.recv(size)
        finally:
            self._sock.settimeout(None)

    def sendall(self, data: bytes) -> None:
        """Send, or keep the head until there is more; raises TimeoutError when the client takes nothing of it."""
        if self._begun:
            self.flush(data)
        else:
            self._begun, self._held = True, data

    def flush(self, more: bytes = b"") -> None:
        """Send what was kept, and this."""
        data, self._held = self._held + more, b""
        sent = self._at_once(data) if data else 0
        if sent < len(data):
            self._send_in_time(memoryview(data)[sent:])

    def _at_once(self, data: bytes) -> int:
        try:
            return self._sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def _send_in_time(self, data: memoryview) -> None:
        let_others_lead()
        self._sock.settimeout(IDLE_SECONDS)
        try:
            self._sock.sendall(data)
        finally:
            self._sock.settimeout(None)


def is_here(reader: Any) -> bool:
    """Whether the whole body came together with the head, as a small one does: nobody will have to wait for it."""
    length = getattr(reader, "length", None)
    return length is not None and length <= len(reader.unreader.buf.getvalue())


class Paced:
    """Reads a body, and lets it be known by when each piece has to be there; no time counts while nobody reads."""

    def __init__(self, reader: Any, expect: Callable[[float | None], None]) -> None:
        self._reader, self._expect = reader, expect
        self._left = BODY_SECONDS
        self.given_up = False  # what is left of it is read before the next head, within that one's time

    def read(self, size: int) -> bytes:
        """As the reader does."""
        if self.given_up:
            return bytes(self._reader.read(size))
        began = time.monotonic()
        coming = min(size, getattr(self._reader, "length", _STEP))  # of a chunked body nobody knows
        self._expect(began + self._left + coming / LEAST_PACE)
        try:
            data = bytes(self._reader.read(size))
        except ParseException as error:
            raise OSError(str(error)) from error  # to the app, chunks that are none are a body that broke off
        finally:
            self._expect(None)
        self._left -= max(0.0, time.monotonic() - began - len(data) / LEAST_PACE)
        return data
