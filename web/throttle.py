"""How often a token may call, and how often an address may be wrong about one."""

from __future__ import annotations

import math

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from jobs import limits
from jobs.limits import Allowance
from jobs.settings import current_settings

from .problems import Refused

_WRONG_PER_MINUTE = RateLimitItemPerMinute(100)
_EXTENSION = "nightshift.wrong_tokens"


def install(app: Flask) -> None:
    """Count every call that bears a token, and say in each answer what is left."""
    # In this process only: who guesses a secret of 256 bits is merely noise, and must not cost Redis anything.
    app.extensions[_EXTENSION] = FixedWindowRateLimiter(MemoryStorage())
    app.before_request(_count)
    app.after_request(_say_what_is_left)


def note_wrong_token() -> None:
    """Count a wrong or missing token; raises Refused when this address has sent too many."""
    counter: FixedWindowRateLimiter = current_app.extensions[_EXTENSION]
    if current_settings().rate_limit and not counter.hit(_WRONG_PER_MINUTE, request.remote_addr or "unknown"):
        raise Refused(429, "too-many-requests", "too many wrong tokens came from this address", retry_after=60)


def _count() -> None:
    limit = current_settings().rate_limit
    if limit == 0 or "caller" not in g:
        return
    g.allowance = limits.take(g.caller.key, limit)
    if not g.allowance.allowed:
        detail = f"this token may call {limit:,} times a minute"
        raise Refused(429, "too-many-requests", detail, retry_after=g.allowance.retry_after, limit=limit)


def _say_what_is_left(response: Response) -> Response:
    """As draft-ietf-httpapi-ratelimit-headers has it."""
    if "allowance" in g:
        left: Allowance = g.allowance
        response.headers["RateLimit-Policy"] = f'"token";q={left.limit};w={left.window}'
        response.headers["RateLimit"] = f'"token";r={left.left};t={math.ceil(left.reset)}'
    return response
