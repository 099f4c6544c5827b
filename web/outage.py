"""While Redis hangs, most requests are told so at once instead of each holding a thread for two seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

from flask import Flask, Response

from jobs.errors import RedisUnavailable

from .calls import Call, call

_SLOW = 0.5
_PAUSE = 1.0
_PROBE = 3.0
_EXTENSION = "nightshift.outage"


@dataclass(slots=True)
class Outage:
    """What this process knows of an outage: after a slow failure one request a second finds out whether it is over."""

    until: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def lets_through(self, now: float) -> bool:
        """Whether a request may try Redis; during an outage only the one that finds out."""
        with self._lock:
            if self.until and now >= self.until:
                self.until = now + _PROBE
                return True
            return not self.until

    def note(self, failed: bool, took: float, now: float) -> None:
        """Learn from an answer: a quick failure costs nobody a thread, so it closes nothing."""
        with self._lock:
            self.until = now + _PAUSE if failed and took > _SLOW else 0.0


def install(app: Flask) -> None:
    """Watch every answer of this process."""
    outage = app.extensions[_EXTENSION] = Outage()
    app.after_request(partial(_learn, outage))


def before_redis(app: Flask, asked: Call) -> None:
    """Call it before a request uses Redis for the first time; raises RedisUnavailable while it hangs."""
    if asked.tried_redis:
        return
    outage: Outage = app.extensions[_EXTENSION]
    if not outage.lets_through(time.monotonic()):
        raise RedisUnavailable("it did not answer the last request", retry_after=2)
    asked.tried_redis = True


def _learn(outage: Outage, response: Response) -> Response:
    asked = call()
    if asked.tried_redis and asked.began is not None:
        took = time.perf_counter() - asked.began
        outage.note(response.status_code == 503, took, time.monotonic())
    return response
