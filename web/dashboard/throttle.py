"""Slows down guessing of the password: few failures per address, more for all addresses together."""

from __future__ import annotations

from collections.abc import Iterator

from flask import request
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from jobs import connection
from jobs.errors import RedisUnavailable

_PER_ADDRESS = (RateLimitItemPerMinute(5), RateLimitItemPerHour(30))
_FOR_ALL = (RateLimitItemPerMinute(60),)
_here = FixedWindowRateLimiter(MemoryStorage())


def is_closed() -> bool:
    """Whether this address must wait before it may try again."""
    return _count(hit=False)


def note_failure() -> None:
    """Count one wrong password."""
    _count(hit=True)


def _count(*, hit: bool) -> bool:
    """Counted in Redis for all processes; in this process' memory while Redis is away, so that it never opens."""
    try:
        with connection.translate_errors():
            return _apply(FixedWindowRateLimiter(_storage()), hit=hit)
    except RedisUnavailable:
        return _apply(_here, hit=hit)


def _storage() -> RedisStorage:
    return RedisStorage("redis://", connection.client().connection_pool, key_prefix="ns:throttle")


def _apply(limiter: FixedWindowRateLimiter, *, hit: bool) -> bool:
    act = limiter.hit if hit else limiter.test
    results = [not act(limit, "login", key) for limit, key in _limits()]  # all of them: a hit must count everywhere
    return any(results)


def _limits() -> Iterator[tuple[RateLimitItem, str]]:
    address = request.remote_addr or "unknown"
    yield from ((limit, address) for limit in _PER_ADDRESS)
    yield from ((limit, "all") for limit in _FOR_ALL)
