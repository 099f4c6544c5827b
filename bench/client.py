"""A client that takes little of the cores it shares with what is measured: prepared bytes over kept connections."""

from __future__ import annotations

import re
import select
import socket
import time
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(slots=True)
class _Line:
    """One connection, and what has come of the answer that it waits for."""

    socket: socket.socket
    began: float = 0.0
    come: bytes = b""

    def ask(self, call: bytes) -> None:
        self.began = time.perf_counter()
        self.socket.sendall(call)

    def hear(self) -> bool:
        """Take what has come; whether the answer is complete. Raises RuntimeError when it is another than 202."""
        data = self.socket.recv(65536)
        self.come += data
        head, found, body = self.come.partition(b"\r\n\r\n")
        if not data or not self.come.startswith(b"HTTP/1.1 202"[: len(self.come)]):
            raise RuntimeError(f"not accepted: {head[:200]!r}")
        length = _LENGTH.search(head + b"\r\n")
        if not found or length is None or len(body) < int(length[1]):
            return False
        self.come = b""
        return True


@dataclass(slots=True)
class Load:
    """The same request again and again, on each connection the next as soon as the one before is answered."""

    port: int
    call: bytes
    connections: int
    took: list[float] = field(default_factory=list)

    def run(self, requests: int) -> list[float]:
        """Send so many; gives the seconds that each took."""
        self.took = []
        lines = [_Line(socket.create_connection(("127.0.0.1", self.port))) for _ in range(self.connections)]
        try:
            self._exchange(lines, requests)
        finally:
            for line in lines:
                line.socket.close()
        return self.took

    def _exchange(self, lines: list[_Line], requests: int) -> None:
        by_number, asked = {line.socket.fileno(): line for line in lines}, 0
        poller = select.epoll()
        for number, line in list(by_number.items())[:requests]:
            poller.register(number, select.EPOLLIN)
            line.ask(self.call)
            asked += 1
        while len(self.took) < requests:
            for number, _ in poller.poll():
                line = by_number[number]
                if line.hear():
                    self.took.append(time.perf_counter() - line.began)
                    if asked < requests:
                        line.ask(self.call)
                        asked += 1
