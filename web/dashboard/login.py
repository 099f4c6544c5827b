"""Login and logout."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from jobs.errors import RedisUnavailable
from jobs.logs import get_logger
from jobs.settings import current_settings

from . import identity, roles, sessions, throttle

log = get_logger(__name__)

_WRONG = "That is neither the password nor a valid token."
_LATER = "Too many wrong passwords. Wait a minute, then try again."
_NO_PAGES = "This token opens no page: it needs the scope read, operate or admin."


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/login")(login)
    pages.post("/login")(try_login)
    pages.post("/logout")(logout)


def login() -> AnyResponse:
    """The form, or onwards for somebody who is logged in."""
    return _onwards() if _is_known() else _form()


def try_login() -> AnyResponse:
    """Check the password or token; while the address is throttled not even the right one is accepted."""
    if throttle.is_closed():
        return _form(_LATER, 429)
    person = identity.identify(request.form.get("password", ""))
    if person is None:
        throttle.note_failure()
        log.warning("login refused", address=request.remote_addr)
        return _form(_WRONG, 403)
    if roles.role_of(person) is None:
        return _form(_NO_PAGES, 403)
    sessions.begin(person)
    log.info("login", address=request.remote_addr, caller=identity.actor(person))
    return _onwards()


def logout() -> AnyResponse:
    """End the session everywhere."""
    sessions.log_out()
    return redirect(url_for("dashboard.login"), 303)


def _is_known() -> bool:
    """Without Redis the cookie alone must do, for a page that shows nothing."""
    try:
        return sessions.current() is not None
    except RedisUnavailable:
        return sessions.lasts()


def _onwards() -> AnyResponse:
    return redirect(sessions.local_path(request.values.get("next", "/")), 303)


def _form(problem: str | None = None, status: int = 200) -> Response:
    """The form; the reason is told below the field."""
    closed = current_settings().admin_password is None
    body = render_template("login.html", problem=problem, closed=closed, next=request.values.get("next", ""))
    response = make_response(body, status)
    if status == 429:
        response.headers["Retry-After"] = "60"
    return response
