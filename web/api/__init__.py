"""The JSON API: one module for each resource; handlers call one core function each."""

from __future__ import annotations

from flask_openapi.openapi import OpenAPI

from . import actions as _actions  # noqa: F401 - it adds its routes to those of jobs
from . import alerts, events, files, jobs, operations, queues, schedules, stats, tasks, tokens, webhooks
from . import bulk as _bulk  # noqa: F401
from . import memory as _memory  # noqa: F401


def register(app: OpenAPI, threads: int) -> None:
    """Add every resource."""
    events.install(app, threads)
    for resource in (tasks, files, jobs, queues, schedules, operations, tokens, webhooks, alerts, stats, events):
        app.register_api(resource.api)
    app.register_api(stats.scraped)
