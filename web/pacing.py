"""How slowly a client may send its body and take its answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from gunicorn.http.errors import ParseException

IDLE_SECONDS = 10.0
"""How long a body may pause, and how long a client may take nothing of an answer."""

BODY_SECONDS = 10.0
"""How long a body may take in all, besides what it needs at the least pace."""
LEAST_PACE = 32 * 1024
"""Bytes a second; who sends more slowly holds a thread for nothing."""
_STEP = 1024 * 1024


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


class Answering:
    """A socket that takes one answer: the head goes out with what follows, and only what finds no room waits.

    Gunicorn sends the head by itself; and a timeout of Python's makes two calls of each, whether it has to wait or not.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._begun, self._held = False, b""

    def __getattr__(self, name: str) -> Any:
        self.flush()
        return getattr(self._sock, name)

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
            self._sock.settimeout(IDLE_SECONDS)
            self._sock.sendall(memoryview(data)[sent:])

    def _at_once(self, data: bytes) -> int:
        try:
            return self._sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
