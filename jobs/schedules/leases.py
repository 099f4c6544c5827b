"""Which clock leads. Safety never depends on it: the lease only saves the others from doing the same work in vain."""

from __future__ import annotations

import os
import secrets
import socket
import time
from dataclasses import dataclass, field
from typing import cast

from ..connection import Client
from ..scripts import script
from . import keys

LENGTH = 3_000
"""Milliseconds that a lease lasts; it is renewed every second."""


def clock_name() -> str:
    """A name that no other clock has: host, process and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


@dataclass(slots=True)
class Lease:
    """This clock's part in the election, and the time of the server, both as of the last call of `hold`.

    `fence` is a number that grows with each new leader, '' while another clock leads.
    """

    client: Client
    release: str = ""
    name: str = field(default_factory=clock_name)
    fence: str = ""
    _offset: float = 0.0

    def hold(self) -> bool:
        """Take the lease, or renew it; gives whether this clock leads."""
        before = time.monotonic()
        reply = script("hold_lease")(
            [keys.LEASE, keys.FENCE, keys.CLOCKS], [self.name, LENGTH, self.release], self.client
        )
        fence, now = cast("tuple[bytes, bytes]", reply)
        self._offset = int(now) - (before + time.monotonic()) * 500
        self.fence = fence.decode()
        return self.leads

    def drop(self) -> None:
        """Give the lease back."""
        self.fence = ""
        script("drop_lease")([keys.LEASE, keys.CLOCKS], [self.name], self.client)

    @property
    def leads(self) -> bool:
        """Whether this clock was the leader at the last call of `hold`."""
        return self.fence != ""

    def now(self) -> int:
        """The server's time in milliseconds, carried on by a clock that nobody can set."""
        return round(time.monotonic() * 1000 + self._offset)
