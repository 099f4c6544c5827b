"""How often somebody may do something, counted by the server, so that it is exact for all processes together."""

from __future__ import annotations

from dataclasses import dataclass

from . import connection, keys
from .scripts import script


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of `limit` calls in `window` seconds. `reset` and `retry_after` are in seconds."""

    allowed: bool
    limit: int
    window: int
    left: int
    reset: float
    retry_after: float


def take(who: str, limit: int, window: int = 60, calls: int = 1) -> Allowance:
    """Take some calls, if so many are left. Raises RedisUnavailable."""
    with connection.translate_errors():
        allowed, left, reset, wait = script("take")([keys.limit(who)], [limit, window, calls], connection.client())
    return Allowance(bool(allowed), limit, window, left, reset / 1000, wait / 1000)
