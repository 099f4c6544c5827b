"""The one gate of the web process: every request passes `check`, and what no rule opens stays closed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import Flask
from flask.typing import ResponseReturnValue

from jobs.logs import carry
from jobs.settings import current_settings
from jobs.tokens import Caller, Scope, identify, is_stored

from .calls import Call, call
from .outage import before_redis
from .problems import Refused
from .throttle import note_wrong_token

View = TypeVar("View", bound=Callable[..., Any])
Guard = Callable[[], ResponseReturnValue | None]

PUBLIC = "public"
_GUARDS = "nightshift.guards"


def public(view: View) -> View:
    """Open a view to everyone."""
    view.access = PUBLIC  # type: ignore[attr-defined]
    return view


def needs(scope: Scope) -> Callable[[View], View]:
    """Open a view to bearers of a token with this scope. Goes below the route's decorator, which copies it."""

    def mark(view: View) -> View:
        view.access = scope  # type: ignore[attr-defined]
        return view

    return mark


def install(app: Flask) -> None:
    """Put the gate before every request of this app."""
    app.before_request(lambda: check(app))


def guard(app: Flask, blueprint: str, check_request: Guard) -> None:
    """Leave a whole blueprint to its own check, which answers to refuse and gives None to let the request through."""
    app.extensions.setdefault(_GUARDS, {})[blueprint] = check_request


def access_of(app: Flask, endpoint: str | None) -> Scope | Guard | str | None:
    """Who decides on an endpoint: a scope, `PUBLIC`, a blueprint's own check, or nobody."""
    own: Scope | str | None = getattr(app.view_functions.get(endpoint or ""), "access", None)
    if own:
        return own
    guards: dict[str, Guard] = app.extensions.get(_GUARDS, {})
    return guards.get((endpoint or "").rpartition(".")[0])


def check(app: Flask) -> ResponseReturnValue | None:
    """Refuse the request unless its endpoint is open to its caller; runs before every request."""
    asked = call()
    endpoint = asked.endpoint
    access = access_of(app, endpoint)
    if access == PUBLIC or (endpoint is None and not asked.path.startswith("/api/")):
        return None
    if callable(access):
        before_redis(app, asked)
        return access()
    asked.caller = asked.bearer = found = _bearer(app, asked)
    if endpoint is not None:
        _require(access, found)
    return None


def caller() -> Caller:
    """Who sent the request that is being answered."""
    found = call().caller
    assert found is not None, "the gate lets nobody in whom it does not know"
    return found


def _bearer(app: Flask, asked: Call) -> Caller:
    scheme, _, given = asked.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    presented = given.strip() if scheme.lower() == "bearer" else ""
    if is_stored(presented):
        before_redis(app, asked)
    found = identify(presented, current_settings(), datetime.now(UTC))
    if found is None:
        note_wrong_token()
        raise Refused(401, "unauthorized", "send a valid token as `Authorization: Bearer <token>`")
    before_redis(app, asked)
    carry(caller=found.name)
    return found


def _require(access: object, found: Caller) -> None:
    if not isinstance(access, Scope) or access not in found.scopes:
        raise Refused(403, "forbidden", f"this needs a token with the scope '{access or 'none'}'")
