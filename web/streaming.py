"""A stream of Server-Sent Events: what is new, as long as it may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jobs.errors import JobMissing, RedisUnavailable

from .stopping import stopping
from .turns import let_others_lead

LONGEST = 50.0
"""Seconds after which a stream ends and the client connects again: routers cut connections at 55."""
HEARTBEAT = 15.0
_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Update:
    """What was seen: a kind, an id that is the same for the same content, and JSON on one line."""

    kind: str
    id: str
    data: str
    last: bool = False

    def text(self) -> str:
        """As the HTML standard writes an event."""
        return f"id: {self.id}\nevent: {self.kind}\ndata: {self.data}\n\n"


def events(look: Callable[[], Update], last_seen: str | None) -> Iterator[str]:
    """Each update that differs from the one before, until one is the last, time is up, or the process stops."""
    ends, beats = time.monotonic() + LONGEST, time.monotonic() + HEARTBEAT
    let_others_lead()
    yield "retry: 1000\n\n"
    while time.monotonic() < ends and not stopping.is_set():
        try:
            update = look()
        except (RedisUnavailable, JobMissing):
            return
        if update.id != last_seen:
            yield update.text()
            last_seen, beats = update.id, time.monotonic() + HEARTBEAT
        if update.last:
            return
        if time.monotonic() >= beats:
            yield ": still here\n\n"
            beats = time.monotonic() + HEARTBEAT
        stopping.wait(_PAUSE)
