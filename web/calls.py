"""The request that is being answered, with what its steps learn of it and tell the steps after them.

What every request passes asks `call()` once and then reads plain fields: each look through Flask's `request` or `g`
finds the request anew, and the sixty that there were took as long as the round trip to Redis. For the same reason it
reads headers where WSGI has them, in `environ`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from flask import Request, request

from jobs.tokens import Caller
from jobs.tracing import Answer


class Call(Request):
    """One request."""

    request_id: str = ""
    began: float | None = None
    """On the clock of `time.perf_counter`."""
    caller: Caller | None = None
    """Who sent it, by token or by login."""
    bearer: Caller | None = None
    """Who sent it, by token, which is what rate limits count."""
    tried_redis: bool = False
    body: Any = None
    """Its JSON."""
    body_limit: str | None = None
    """The setting that limits its body."""
    unexpected: Exception | None = None
    watching: ExitStack | None = None
    tell: Callable[[Answer], None] | None = None
    """Tells those who watch how it was answered."""
    said: tuple[tuple[str, str], ...] = ()
    """Headers of its answer, whatever that will be."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body as it was parsed at the gate (bodies.py), for flask-openapi, which asks for it once more."""
        return self.body

    def say(self, name: str, value: str) -> None:
        """Send a header with the answer."""
        self.said = (*self.said, (name, value))


def call() -> Call:
    """The request that is being answered."""
    found: Any = request
    answered: Call = found._get_current_object()
    return answered
