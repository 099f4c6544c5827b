"""The workers: where they run, what they do, and two ways to end one."""

from __future__ import annotations

from collections.abc import Callable

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
    pages.post("/workers/<name>/drain")(drain)


def workers() -> Response:
    """Every worker whose heartbeat has not run out."""
    seen = overview.latest()
    return page("workers.html", section="dashboard.workers", active=seen.active, seen=seen)


def stop(name: str) -> AnyResponse:
    """Ask a worker to stop."""
    return _ask(core.stop, name, "was asked to stop; what has not ended within its grace is put back.")


def drain(name: str) -> AnyResponse:
    """Ask a worker to take no more jobs."""
    return _ask(core.drain, name, "takes no more jobs; it exits when those that it runs have ended.")


def _ask(act: Callable[..., None], name: str, told: str) -> AnyResponse:
    try:
        act(name, by=sessions.actor())
    except WorkerMissing as error:
        flash(sentence(error), "warn")
    else:
        flash(f"{name} {told}", "good")
    return back("/workers")
