"""A request id in every answer and log line, one access line for each request, and what watches from outside."""

from __future__ import annotations

import re
import secrets
import time
from contextlib import ExitStack

from flask import Flask, Response

from jobs import tracing
from jobs.logs import carry, carry_only, get_logger

from .calls import Call, call

_ID = re.compile(r"[A-Za-z0-9_.:-]{8,64}")
_QUIET = frozenset({"/livez", "/readyz"})

log = get_logger("web.access")


def install(app: Flask) -> None:
    """Name each request before anything else looks at it, and log it when its answer is ready."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_close)


def request_id() -> str:
    """The id of the request that is being answered."""
    return call().request_id


def traceparent() -> str | None:
    """The caller's W3C trace context, or None when it sent none that is valid."""
    given = call().environ.get("HTTP_TRACEPARENT")
    return tracing.valid(given) if given else None


def unexpected(error: Exception) -> None:
    """Note what nobody expected, for those who watch."""
    call().unexpected = error


def _begin() -> None:
    asked = call()
    asked.began = time.perf_counter()
    given = asked.environ.get("HTTP_X_REQUEST_ID")
    asked.request_id = given if given and _ID.fullmatch(given) else secrets.token_hex(16)
    asked.say("X-Request-ID", asked.request_id)
    carry_only(request_id=asked.request_id)
    _watch(asked)
    if trace := tracing.trace_id(tracing.traceparent() or traceparent()):
        carry(trace_id=trace)


def _watch(asked: Call) -> None:
    """Open what watches; a teardown closes it, whatever becomes of the request."""
    if not tracing.watched() or asked.path in _QUIET:
        return
    asked.watching = ExitStack()
    seen = tracing.Request(asked.method, asked.path, traceparent())
    asked.tell = asked.watching.enter_context(tracing.request(seen))


def _close(_: BaseException | None) -> None:
    asked = call()
    if asked.watching:
        asked.watching.close()
        asked.watching = None


def _end(response: Response) -> Response:
    asked = call()
    if asked.tell:
        route = asked.url_rule.rule if asked.url_rule else None
        asked.tell(tracing.Answer(response.status_code, route, asked.unexpected))
    now = time.perf_counter()
    level = log.debug if asked.path in _QUIET and response.status_code < 400 else log.info
    level(
        "request",
        method=asked.method,
        path=asked.path,
        status=response.status_code,
        milliseconds=round((now - (asked.began or now)) * 1000, 1),
        size=response.headers.get("Content-Length", type=int),  # the attribute of that name looks for it twice
        client=asked.remote_addr,
    )
    return response
