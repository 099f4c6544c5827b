"""Error pages: a sentence, what to do next, and for polls only the status."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from jobs.errors import (
    FileMissing,
    JobConflict,
    JobExpired,
    JobMissing,
    NightshiftError,
    QueueMissing,
    RedisUnavailable,
    ScheduleConflict,
    ScheduleMissing,
    WebhookMissing,
)
from jobs.logs import get_logger
from web import tracing
from web.problems import Refused, of_http, translate

from .formats import sentence
from .rendering import context, is_poll

log = get_logger(__name__)

_FAILED = "That did not work"
_AGAIN = "Nothing was done. Open the page again and send the form once more."


def install(app: Flask) -> None:
    """Answer a browser at an address that does not exist with a page; the API keeps its problem documents."""
    for kind in (NotFound, MethodNotAllowed):
        app.register_error_handler(kind, _nowhere)


def add_to(pages: Blueprint) -> None:
    """Answer the errors of pages with pages; elsewhere they are problem documents."""
    pages.register_error_handler(HTTPException, _http)
    pages.register_error_handler(CSRFError, lambda _: _page(400, "This form has expired", _AGAIN))
    pages.register_error_handler(Refused, lambda error: _page(error.status, _FAILED, error.detail))
    pages.register_error_handler(JobExpired, lambda error: _page(410, "No longer kept", sentence(error)))
    for expired in (JobMissing, FileMissing):
        pages.register_error_handler(expired, _expired)
    for missing in (QueueMissing, ScheduleMissing, WebhookMissing):
        pages.register_error_handler(missing, lambda error: _page(404, "Not found", sentence(error)))
    for conflict in (JobConflict, ScheduleConflict):
        pages.register_error_handler(conflict, lambda error: _page(409, "That is not possible now", sentence(error)))
    pages.register_error_handler(
        NightshiftError, lambda error: _page(translate(error).status, _FAILED, sentence(error))
    )
    pages.register_error_handler(RedisUnavailable, _unavailable)
    pages.register_error_handler(Exception, _unexpected)


def _http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    return _page(error.code, error.name, error.description or "")


def _nowhere(error: HTTPException) -> Response | HTTPException:
    if request.blueprint == "dashboard":
        return _http(error)
    if request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", ""):
        return of_http(error)
    response = make_response(render_template("nowhere.html", **context()), error.code)
    response.headers["Cache-Control"] = "no-store"
    return response


def _expired(error: JobMissing | FileMissing) -> Response:
    return _page(404, "Not found", f"{sentence(error)} It may have expired or been deleted.")


def _other(status: int, error: NightshiftError) -> Response:
    return _page(status, _FAILED, sentence(error))


def _unavailable(error: RedisUnavailable) -> Response:
    response = _page(503, "Redis does not answer", "No job is lost by that. This page tries again by itself.")
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _unexpected(error: Exception) -> Response:
    log.error("page failed", exc_info=error)
    return _page(500, "Something went wrong on our side", f"The log tells more under {tracing.request_id()}.")


def _page(status: int, title: str, text: str) -> Response:
    """A whole page; for a script that sent a form only the text, which it shows, and for a poll nothing."""
    if is_poll():
        response = Response("" if request.method == "GET" else f"{title}. {text}", status, content_type="text/plain")
    else:
        response = make_response(render_template("error.html", title=title, text=text, section="", poll=2), status)
    response.headers["Cache-Control"] = "no-store"
    return response
