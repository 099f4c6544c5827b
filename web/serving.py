"""Threads of gunicorn that do not wait for ever for a client who sends nothing, or a byte at a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from .stopping import stopping

HEAD_SECONDS = 5.0
"""How long a request line and headers may take in all; a browser sends them at once."""
IDLE_SECONDS = 10.0
"""How long a body may pause, and how long a client may take nothing of an answer."""

BODY_SECONDS = 10.0
"""How long a body may take in all, besides what it needs at the least pace."""
LEAST_PACE = 32 * 1024
"""Bytes a second; who sends more slowly holds a thread for nothing."""
_STEP = 1024 * 1024


class PatientThreads(ThreadWorker):
    """gthread, where each request holds a thread while it is read: a few slow clients would keep all others waiting."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: dict[socket.socket, float] = {}
        self._lock = Lock()

    def handle(self, conn: Any) -> Any:
        """Read and answer one request; runs in a thread."""
        self._expect(conn.sock, time.monotonic() + HEAD_SECONDS)
        try:
            return super().handle(conn)
        finally:
            self._forget(conn.sock)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head is complete."""
        self._forget(conn.sock)
        conn.sock.settimeout(IDLE_SECONDS)
        req.body.reader = body = _Paced(req.body.reader, lambda until: self._expect(conn.sock, until))
        try:
            return super().handle_request(req, conn)
        finally:
            body.given_up = True

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop; answers that are held back are given now."""
        stopping.set()
        super().handle_exit(sig, frame)

    def notify(self) -> None:
        """Tell the arbiter that this process lives, about once a second; the moment to look at the clients, too."""
        super().notify()
        self._hang_up(time.monotonic())

    def _hang_up(self, now: float) -> None:
        """Wake the threads that wait for the rest of a request: their next read finds the connection closed."""
        with self._lock:
            overdue = [sock for sock, until in self._reading.items() if until < now]
            for sock in overdue:
                del self._reading[sock]
        for sock in overdue:
            _shut(sock)

    def _expect(self, sock: socket.socket, until: float | None) -> None:
        """Hang up unless what is being read has come by then; None: nothing is being read."""
        with self._lock:
            if until is None:
                self._reading.pop(sock, None)
            else:
                self._reading[sock] = until

    def _forget(self, sock: socket.socket) -> None:
        self._expect(sock, None)


class _Paced:
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
        finally:
            self._expect(None)
        self._left -= max(0.0, time.monotonic() - began - len(data) / LEAST_PACE)
        return data


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the client was faster
