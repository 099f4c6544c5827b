"""A request id in every answer and log line, and one access line for each request."""

from __future__ import annotations

import re
import secrets
import time

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from jobs.logs import get_logger

_ID = re.compile(r"[A-Za-z0-9_.:-]{8,64}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_QUIET = frozenset({"/livez", "/readyz"})

log = get_logger("web.access")


def install(app: Flask) -> None:
    """Name each request before anything else looks at it, and log it when its answer is ready."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The id of the request that is being answered."""
    return str(g.get("request_id") or "")


def traceparent() -> str | None:
    """The caller's W3C trace context, or None when it sent none that is valid."""
    given = request.headers.get("traceparent", "")
    return given if len(given) <= 128 and _TRACEPARENT.fullmatch(given) else None


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _ID.fullmatch(given) else secrets.token_hex(16)
    g.began = time.perf_counter()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)
    if trace := traceparent():
        bind_contextvars(trace_id=trace.split("-")[1])


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    level = log.debug if request.path in _QUIET and response.status_code < 400 else log.info
    level(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        milliseconds=round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000, 1),
        size=response.content_length,
        client=request.remote_addr,
    )
    return response
