"""Dead letters in groups: what keeps failing, and a way to try all of it again."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, current_app
from werkzeug.wrappers import Response as AnyResponse

from jobs import failures as core
from jobs import monitor
from jobs.bulk import Choice
from jobs.failures import FailureGroup
from web.access import caller

from . import many
from .actions import MOST, back, follow, on_each
from .rendering import page
from .snapshot import Fresh

_NAME = "nightshift.failures"


def install(app: Flask) -> None:
    """Grouping reads up to a thousand records, so all tabs share one reading for a few seconds."""
    app.extensions[_NAME] = Fresh(lambda: (core.groups(), monitor.stored("failed")), seconds=5)


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/failures")(failures)
    pages.post("/failures/<fingerprint>/<verb>")(act)


def failures() -> Response:
    """The groups, the largest first."""
    found, stored = _reading().get()
    groups = [group for group in found if caller().may_see(group.task)]
    total = sum(group.count for group in groups)
    return page(
        "failures.html", section="dashboard.failures", groups=groups, total=total, most=core.MOST, stored=stored
    )


def act(fingerprint: str, verb: str) -> AnyResponse:
    """Retry or delete every job of a group; a large one is left to a job."""
    known = core.members(fingerprint)
    _reading().forget()
    if len(known) > MOST:
        choice = Choice(status="failed", group=fingerprint, tasks=list(caller().tasks))
        return follow(many.start(verb, choice), "/jobs?status=failed")
    on_each(verb, known, subject=f"failure group {fingerprint}")
    return back("/failures")


def _reading() -> Fresh[tuple[list[FailureGroup], int]]:
    reading: Fresh[tuple[list[FailureGroup], int]] = current_app.extensions[_NAME]
    return reading
