"""A proxy that breaks a connection at a chosen call: before the server has it, or before its reply comes back.

With `for_good` nothing passes after that call, as when the caller had died there: what it sends again is not heard.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class BreakingProxy:
    """Forwards calls, and counts them from 1; `break_at` 0 breaks none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.calls = 0
        self.break_at = 0
        self.reply_only = self.for_good = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=[self._listener.accept()[0]], daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, socket.socket(socket.AF_UNIX) as far, suppress(OSError):
            far.connect(self._path)
            while request := near.recv(1 << 20):
                self.calls += 1
                breaks = self.calls == self.break_at
                if (breaks and not self.reply_only) or self._is_over():
                    return
                far.sendall(request)
                reply = far.recv(1 << 20)
                if breaks:
                    return
                near.sendall(reply)

    def _is_over(self) -> bool:
        return self.for_good and 0 < self.break_at < self.calls


@contextmanager
def breaking_proxy(redis_url: str) -> Iterator[BreakingProxy]:
    """A proxy to the server of the tests, which listens on a unix socket."""
    proxy = BreakingProxy(redis_url.removeprefix("unix://").partition("?")[0])
    try:
        yield proxy
    finally:
        proxy.close()
