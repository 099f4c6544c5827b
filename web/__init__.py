"""The HTTP process: the JSON API and the dashboard."""

from __future__ import annotations

from flask import Flask

import tasks  # noqa: F401 - importing the user's code is what registers it
from jobs.settings import Settings, current_settings, use_settings

from . import (
    access,
    api,
    bodies,
    cors,
    dashboard,
    docs,
    health,
    measuring,
    outage,
    problems,
    security,
    throttle,
    tracing,
    waiting,
)
from .openapi import Document


def create_app(settings: Settings | None = None) -> Flask:
    """The web application; `settings` take the place of the environment's.

    Raises SettingsError when the environment is not usable.
    """
    if settings is not None:
        use_settings(settings)
    chosen = current_settings()
    app = Document(__name__)
    app.config["SECRET_KEY"] = chosen.secret_key.get_secret_value() if chosen.secret_key else None
    _install(app, chosen)
    api.register(app, chosen.web_threads)
    app.register_api(health.api)
    bodies.hand_over(app)
    docs.register(app)
    dashboard.register(app)
    return app


def _install(app: Document, settings: Settings) -> None:
    """Order matters: a request is named before it is judged, and judged before its body is read."""
    problems.install(app)
    tracing.install(app)
    measuring.install(app)
    waiting.install(app, settings.web_threads)
    security.install(app, settings)
    cors.install(app, settings)
    access.install(app)
    outage.install(app)
    throttle.install(app)
    bodies.install(app, settings)
