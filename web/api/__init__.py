"""The JSON API: one module for each resource; handlers call one core function each."""

from __future__ import annotations

from flask_openapi.openapi import OpenAPI

from . import files, jobs, tasks


def register(app: OpenAPI) -> None:
    """Add every resource."""
    for resource in (tasks, files, jobs):
        app.register_api(resource.api)
