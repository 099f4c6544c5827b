"""Pages of other sites that may call the API from a browser; none, unless CORS_ORIGINS names them.

Only the API, and only with a token: cookies are never accepted from elsewhere, so no page acts for who is logged in.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.wrappers import Response

from jobs.settings import Settings

from .answers import nothing
from .calls import Call, call

_API = "/api/"
_METHODS = "GET, POST, PATCH, DELETE"
_SENT = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, traceparent"
_READ = "ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
_ASKED_AGAIN_AFTER = "600"  # seconds that a browser may remember what it was told


def install(app: Flask, settings: Settings) -> None:
    """Let pages of these origins in; without any, no request is looked at."""
    origins = frozenset(settings.cors_origins)
    if origins:
        app.before_request(lambda: _answer_in_advance(origins))
        app.after_request(_forbid_others_to_reuse)


def _answer_in_advance(origins: frozenset[str]) -> Response | None:
    """What a browser may send is told before it does so, and before there is a token to look at."""
    asked = call()
    if not _is_welcome(asked, origins):
        return None
    asked.say("Access-Control-Allow-Origin", asked.environ["HTTP_ORIGIN"])
    asked.say("Access-Control-Expose-Headers", _READ)
    if asked.method != "OPTIONS" or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in asked.environ:
        return None
    asked.say("Access-Control-Allow-Methods", _METHODS)
    asked.say("Access-Control-Allow-Headers", _SENT)
    asked.say("Access-Control-Max-Age", _ASKED_AGAIN_AFTER)
    return nothing()


def _is_welcome(asked: Call, origins: frozenset[str]) -> bool:
    return asked.path.startswith(_API) and asked.environ.get("HTTP_ORIGIN") in origins


def _forbid_others_to_reuse(response: Response) -> Response:
    """An answer for one origin must not be given to another from a cache."""
    if call().path.startswith(_API):
        response.vary.add("Origin")
    return response
