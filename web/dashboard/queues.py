"""The queues: how full they are, who works on them, and the brakes."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request
from werkzeug.wrappers import Response as AnyResponse

from jobs import queues as core
from web.visible import require_all_tasks

from . import overview, sessions, trends
from .actions import back
from .rendering import page


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/queues")(queues)
    pages.post("/queues/pause")(pause_all)
    pages.post("/queues/resume")(resume_all)
    pages.post("/queues/<name>/pause")(pause)
    pages.post("/queues/<name>/resume")(resume)
    pages.post("/queues/<name>/empty")(empty)


def queues() -> Response:
    """Every queue with its counts and whether it is paused."""
    seen = overview.latest()
    paces = trends.paces()
    return page(
        "queues.html", section="dashboard.queues", active=seen.active, seen=seen, paused=core.paused(), paces=paces
    )


def pause_all() -> AnyResponse:
    """Start no more jobs at all."""
    changed = core.pause_all(note=request.form.get("note", "").strip()[:200], by=sessions.actor())
    flash(f"{_queues(changed)} paused: jobs that run go on, new ones wait.", "good")
    return back("/")


def resume_all() -> AnyResponse:
    """Start jobs of every queue again."""
    flash(f"{_queues(core.resume_all(by=sessions.actor()))} resumed.", "good")
    return back("/")


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
    require_all_tasks()
    core.require(name)
    if request.form.get("confirm", "").strip() != name:
        flash(f"Nothing was done: type {name} to empty it.", "warn")
        return back("/queues")
    count = core.empty(name, by=sessions.actor())
    flash(f"{count:,} waiting jobs of {name} canceled.", "good")
    return back("/queues")


def _queues(names: list[str]) -> str:
    return "1 queue" if len(names) == 1 else f"{len(names)} queues"
