"""Threads of gunicorn that do not wait for ever for a client who sends nothing, or a byte at a time."""

from __future__ import annotations

import socket
import time
from threading import Lock
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from .stopping import stopping

HEAD_SECONDS = 5.0
"""How long a request line and headers may take in all; a browser sends them at once."""
IDLE_SECONDS = 10.0
"""How long a body may pause, and how long a client may take nothing of an answer."""


class PatientThreads(ThreadWorker):
    """gthread, where each request holds a thread while it is read: a few slow clients would keep all others waiting."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: dict[socket.socket, float] = {}
        self._lock = Lock()

    def handle(self, conn: Any) -> Any:
        """Read and answer one request; runs in a thread."""
        with self._lock:
            self._reading[conn.sock] = time.monotonic() + HEAD_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._forget(conn.sock)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head is complete."""
        self._forget(conn.sock)
        conn.sock.settimeout(IDLE_SECONDS)
        return super().handle_request(req, conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop; answers that are held back are given now."""
        stopping.set()
        super().handle_exit(sig, frame)

    def notify(self) -> None:
        """Tell the arbiter that this process lives, about once a second; the moment to look at the clients, too."""
        super().notify()
        self._hang_up(time.monotonic())

    def _hang_up(self, now: float) -> None:
        """Wake the threads that wait for the rest of a head: their next read finds the connection closed."""
        with self._lock:
            overdue = [sock for sock, until in self._reading.items() if until < now]
            for sock in overdue:
                del self._reading[sock]
        for sock in overdue:
            _shut(sock)

    def _forget(self, sock: socket.socket) -> None:
        with self._lock:
            self._reading.pop(sock, None)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the client was faster
