"""A request id in every answer and log line, one access line for each request, and what watches from outside."""

from __future__ import annotations

import re
import secrets
import time
from contextlib import ExitStack

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from jobs import tracing
from jobs.logs import get_logger

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
    return str(g.get("request_id") or "")


def traceparent() -> str | None:
    """The caller's W3C trace context, or None when it sent none that is valid."""
    return tracing.valid(request.headers.get("traceparent", ""))


def unexpected(error: Exception) -> None:
    """Note what nobody expected, for those who watch."""
    g.unexpected = error


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _ID.fullmatch(given) else secrets.token_hex(16)
    g.began = time.perf_counter()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)
    _watch()
    if trace := tracing.trace_id(tracing.traceparent() or traceparent()):
        bind_contextvars(trace_id=trace)


def _watch() -> None:
    """Open what watches; a teardown closes it, whatever becomes of the request."""
    if not tracing.watched() or request.path in _QUIET:
        return
    g.watching = ExitStack()
    g.tell = g.watching.enter_context(tracing.request(tracing.Request(request.method, request.path, traceparent())))


def _close(_: BaseException | None) -> None:
    if watching := g.pop("watching", None):
        watching.close()


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    path = request.path
    if tell := g.get("tell"):
        route = request.url_rule.rule if request.url_rule else None
        tell(tracing.Answer(response.status_code, route, g.get("unexpected")))
    level = log.debug if path in _QUIET and response.status_code < 400 else log.info
    level(
        "request",
        method=request.method,
        path=path,
        status=response.status_code,
        milliseconds=round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000, 1),
        size=response.content_length,
        client=request.remote_addr,
    )
    return response
