"""The queues: how full they are, who works on them, and the brakes."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request
from werkzeug.wrappers import Response as AnyResponse

from jobs import queues as core

from . import overview, sessions
from .actions import back
from .rendering import page


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/queues")(queues)
    pages.post("/queues/<name>/pause")(pause)
    pages.post("/queues/<name>/resume")(resume)
    pages.post("/queues/<name>/empty")(empty)


def queues() -> Response:
    """Every queue with its counts and whether it is paused."""
    seen = overview.latest()
    return page("queues.html", section="dashboard.queues", active=seen.active, seen=seen, paused=core.paused())


def pause(name: str) -> AnyResponse:
    """Start no more jobs of a queue."""
    core.require(name)
    core.pause(name, note=request.form.get("note", "").strip()[:200], by=sessions.actor())
    flash(f"{name} is paused: jobs that run go on, new ones wait.", "good")
    return back("/queues")


def resume(name: str) -> AnyResponse:
    """Start jobs of a queue again."""
    core.require(name)
    core.resume(name, by=sessions.actor())
    flash(f"{name} runs again.", "good")
    return back("/queues")


def empty(name: str) -> AnyResponse:
    """Cancel every waiting job of a queue, once its name was typed."""
    core.require(name)
    if request.form.get("confirm", "").strip() != name:
        flash(f"Nothing was done: type {name} to empty it.", "warn")
        return back("/queues")
    count = core.empty(name, by=sessions.actor())
    flash(f"{count:,} waiting jobs of {name} canceled.", "good")
    return back("/queues")
