"""The list of jobs: filters that can be bookmarked, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, request, url_for

from jobs import monitor
from jobs.monitor import STATUSES, Page
from jobs.registry import all_tasks
from web.access import caller

from . import many
from .rendering import page
from .verbs import VERBS, Verb

_LIMIT, _LONGEST = 50, 200


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/jobs")(jobs)


def jobs() -> Response:
    """Jobs that fit the filters, newest first."""
    chosen = _chosen(request.args)
    cursor = request.args.get("cursor") or None
    found, follows = _find(chosen, cursor), many.running(request.args.get("bulk"))
    looked_at = found.looked_at + request.args.get("looked", 0, type=int)
    short = len(found.jobs) < _LIMIT and found.next_cursor is not None
    return page(
        "jobs.html",
        section="dashboard.jobs",
        verbs=_offered(chosen["status"]),
        active=_moves(found, cursor, follows),
        living=follows is not None or not chosen["text"],  # a search reads thousands of jobs, so it stands still
        found=found,
        follows=follows,
        looked_at=looked_at,
        short=short,
        chosen=chosen,
        filters={name: value for name, value in chosen.items() if value},
        later=_address(chosen, found.next_cursor, looked_at if short else None) if found.next_cursor else None,
        newest=_address(chosen) if cursor else None,
        statuses=STATUSES,
        tasks=sorted(_names() | {chosen["task"] or ""} - {""}),
        queues=monitor.queue_names(),
        address=lambda **changes: _address({**chosen, **changes}),
    )


def _names() -> set[str]:
    return {task.name for task in all_tasks() if caller().may_use(task.name)}


def _moves(found: Page, cursor: str | None, follows: many.Running | None) -> bool:
    """Whether the page is worth asking for often: jobs of the first page move, or an action that it follows does."""
    if follows is not None and follows.done is None:
        return True
    return cursor is None and any(job.status in {"queued", "started"} for job in found.jobs)


def _chosen(given: Mapping[str, str]) -> dict[str, str | None]:
    chosen = {name: given.get(name, "")[:_LONGEST] or None for name in many.FILTERS}
    if chosen["status"] not in {None, *STATUSES}:
        abort(400, f"status is one of {', '.join(STATUSES)}")
    return chosen


def _offered(status: str | None) -> dict[str, Verb]:
    """The actions that make sense for jobs of this state."""
    return {name: verb for name, verb in VERBS.items() if status is None or status in verb.fits}


def _find(chosen: dict[str, Any], cursor: str | None) -> Page:
    try:
        return monitor.list_jobs(**chosen, cursor=cursor, limit=_LIMIT, visible=caller().may_see)
    except ValueError:
        abort(400, "this address has a cursor that does not exist")


def _address(chosen: dict[str, str | None], cursor: str | None = None, looked: int | None = None) -> str:
    asked = {**chosen, "cursor": cursor, "looked": looked}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value}
    return url_for("dashboard.jobs", **given)
