"""How often a token may call, and how often an address may be wrong about one."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from threading import Lock

from flask import Flask, current_app
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from jobs import limits
from jobs.limits import Allowance
from jobs.settings import current_settings

from .calls import Call, call
from .problems import Refused

_WRONG_PER_MINUTE = RateLimitItemPerMinute(100)
_EXTENSION = "nightshift.wrong_tokens"
_PIECES = 600  # of the calls of a minute: a tenth of a second's worth
_KEPT = 1.0


@dataclass(slots=True)
class _Held:
    """Calls of one token that were taken and not used, and until when they may be."""

    calls: int
    until: float
    taken: Allowance

    def allowance(self) -> Allowance:
        """What the caller is told."""
        of = self.taken
        return Allowance(of.allowed, of.limit, of.window, of.left + self.calls, of.reset, of.retry_after)


class Purse:
    """Calls that this process has taken from Redis and not used yet.

    A busy token costs a round trip for every tenth of a second instead of one for each call. Nobody gets more than the
    limit; what a process holds and does not use within a second is lost. Limits below 1,200 are taken one by one.
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._lock = Lock()

    def take(self, who: str, limit: int, now: float) -> Allowance:
        """One call of this caller. Raises RedisUnavailable."""
        with self._lock:
            held = self._held.get(who)
            if held is not None and held.calls > 0 and now < held.until:
                held.calls -= 1
                return held.allowance()
        calls, taken = self._fetch(who, limit, max(1, limit // _PIECES))
        with self._lock:
            return self._keep(who, calls - 1, taken, now)

    def _keep(self, who: str, calls: int, taken: Allowance, now: float) -> Allowance:
        """Another thread may have fetched at the same time: then there is twice as much."""
        self._held = {key: held for key, held in self._held.items() if now < held.until}
        before = self._held[who].calls if who in self._held else 0
        kept = self._held[who] = _Held(calls + before, now + _KEPT, taken)
        return kept.allowance()

    def _fetch(self, who: str, limit: int, calls: int) -> tuple[int, Allowance]:
        """A handful, or the last single one."""
        found = limits.take(who, limit, calls=calls)
        if found.allowed or calls == 1:
            return calls, found
        return 1, limits.take(who, limit)


def install(app: Flask) -> None:
    """Count every call that bears a token, and say in each answer what is left."""
    # In this process only: who guesses a secret of 256 bits is merely noise, and must not cost Redis anything.
    app.extensions[_EXTENSION] = FixedWindowRateLimiter(MemoryStorage())
    purse = Purse()
    app.before_request(lambda: _count(purse))


def note_wrong_token() -> None:
    """Count a wrong or missing token; raises Refused when this address has sent too many."""
    counter: FixedWindowRateLimiter = current_app.extensions[_EXTENSION]
    if current_settings().rate_limit and not counter.hit(_WRONG_PER_MINUTE, call().remote_addr or "unknown"):
        raise Refused(429, "too-many-requests", "too many wrong tokens came from this address", retry_after=60)


def _count(purse: Purse) -> None:
    asked, limit = call(), current_settings().rate_limit
    if limit == 0 or asked.bearer is None:
        return
    found = purse.take(asked.bearer.key, limit, time.monotonic())
    _say_what_is_left(asked, found)
    if not found.allowed:
        detail = f"this token may call {limit:,} times a minute"
        raise Refused(
            429, "too-many-requests", detail, retry_after=found.retry_after, limit=limit, setting="RATE_LIMIT"
        )


def _say_what_is_left(asked: Call, left: Allowance) -> None:
    """As draft-ietf-httpapi-ratelimit-headers has it."""
    asked.say("RateLimit-Policy", f'"token";q={left.limit};w={left.window}')
    asked.say("RateLimit", f'"token";r={left.left};t={math.ceil(left.reset)}')
