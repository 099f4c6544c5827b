"""The pages for people: `register(app)` is all that the rest of the web process knows of them."""

from __future__ import annotations

from flask import Blueprint, Flask

from web.access import guard

from . import (
    actions,
    assets,
    auditlog,
    failing,
    failures,
    formats,
    joblist,
    jobview,
    login,
    many,
    overview,
    queues,
    rendering,
    roles,
    scheduleform,
    schedules,
    sessions,
    settings,
    tasks,
    trends,
    webhooks,
    workers,
)

_PAGES = (
    login,
    overview,
    joblist,
    tasks,
    many,
    jobview,
    actions,
    failures,
    queues,
    schedules,
    scheduleform,
    workers,
    webhooks,
    auditlog,
    settings,
    failing,
)


def register(app: Flask) -> None:
    """Add the pages, their login and their static files to the app."""
    sessions.install(app)
    formats.install(app)
    overview.install(app)
    trends.install(app)
    failures.install(app)
    failing.install(app)
    app.add_url_rule("/static/<digest>/<path:name>", "assets", assets.send)
    app.register_blueprint(_pages())
    guard(app, "dashboard", sessions.guard)


def _pages() -> Blueprint:
    pages = Blueprint("dashboard", __name__, template_folder="../templates")
    pages.context_processor(rendering.context)
    pages.context_processor(roles.context)
    for room in _PAGES:
        room.add_to(pages)
    return pages
