"""A wire between a worker and its server that a test can cut in the ways networks do."""

from __future__ import annotations

import selectors
import socket
import threading
from pathlib import Path


class Wire:
    """Forwards a unix socket to another one. `go_dead` leaves connections open and silent, as a lost route does."""

    def __init__(self, address: Path, server: Path) -> None:
        self.address = address
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(address))
        self._listener.listen(64)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._peers: dict[socket.socket, socket.socket] = {}
        self._dead: list[socket.socket] = []
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def go_dead(self) -> int:
        """Forward nothing any more on the connections there are; new ones work. Gives how many there were."""
        with self._lock:
            dead = list(self._peers)
            for side in dead:
                self._selector.unregister(side)
            self._dead += dead
            self._peers.clear()
            return len(dead) // 2

    def close(self) -> None:
        """Stop forwarding and close everything."""
        self._closing = True
        self._thread.join()
        for side in [*self._peers, *self._dead, self._listener]:
            side.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(0.05):
                with self._lock:
                    self._handle(key.fileobj)

    def _handle(self, side: object) -> None:
        if side is self._listener:
            self._connect()
        elif isinstance(side, socket.socket) and side in self._peers:
            self._forward(side)

    def _connect(self) -> None:
        near, _ = self._listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(str(self._server))
        for one, other in ((near, far), (far, near)):
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, side: socket.socket) -> None:
        try:
            data = side.recv(65536)
            self._peers[side].sendall(data)
        except OSError:
            data = b""
        if not data:
            for end in (side, self._peers[side]):
                self._selector.unregister(end)
                del self._peers[end]
                end.close()
