"""The workers: where they run, what they do, and a way to stop one."""

from __future__ import annotations

from flask import Blueprint, Response, flash
from werkzeug.wrappers import Response as AnyResponse

from jobs import workers as core
from jobs.errors import WorkerMissing

from . import overview, sessions
from .actions import back
from .formats import sentence
from .rendering import page


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/workers")(workers)
    pages.post("/workers/<name>/stop")(stop)


def workers() -> Response:
    """Every worker whose heartbeat has not run out."""
    seen = overview.latest()
    return page("workers.html", section="dashboard.workers", active=seen.active, seen=seen)


def stop(name: str) -> AnyResponse:
    """Ask a worker to stop."""
    try:
        core.stop(name, by=sessions.actor())
    except WorkerMissing as error:
        flash(sentence(error), "warn")
    else:
        flash(f"{name} was asked to stop; what it runs is put back.", "good")
    return back("/workers")
