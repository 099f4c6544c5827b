"""A wire to the server that loses replies: the call arrives, is done, and its answer never comes back."""

from __future__ import annotations

import socket
import socketserver
from pathlib import Path
from threading import Lock, Thread


class LossyWire(socketserver.ThreadingUnixStreamServer):
    """Forwards a unix socket; of the script calls every second one loses its reply, and its connection with it."""

    daemon_threads = True

    def __init__(self, address: Path, server: Path) -> None:
        super().__init__(str(address), _Link)
        self.server_path = str(server)
        self.lost = 0
        self._lose_next = True
        self._lock = Lock()
        Thread(target=self.serve_forever, daemon=True).start()

    def loses(self, call: bytes) -> bool:
        """Whether the reply to this call is to be lost."""
        if b"EVALSHA" not in call:
            return False
        with self._lock:
            lose, self._lose_next = self._lose_next, not self._lose_next
            self.lost += lose
            return lose


class _Link(socketserver.BaseRequestHandler):
    server: LossyWire

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(self.server.server_path)
            while call := self.request.recv(1_000_000):
                upstream.sendall(call)
                reply = upstream.recv(1_000_000)
                if self.server.loses(call):
                    return
                self.request.sendall(reply)
