"""The list of jobs: filters that can be bookmarked, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, request, url_for

from jobs import monitor
from jobs.monitor import STATUSES, Page
from jobs.registry import all_tasks
from web.access import caller

from .rendering import page
from .verbs import VERBS, Verb

_LIMIT = 50
_FILTERS = ("status", "task", "queue", "tag")


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/jobs")(jobs)


def jobs() -> Response:
    """Jobs that fit the filters, newest first."""
    chosen = _chosen(request.args)
    cursor = request.args.get("cursor") or None
    found = _find(chosen, cursor)
    return page(
        "jobs.html",
        section="dashboard.jobs",
        verbs=_offered(chosen["status"]),
        active=cursor is None and any(job.status in {"queued", "started"} for job in found.jobs),
        found=found,
        chosen=chosen,
        later=_address(chosen, found.next_cursor) if found.next_cursor else None,
        newest=_address(chosen) if cursor else None,
        statuses=STATUSES,
        tasks=sorted({task.name for task in all_tasks()} | {chosen["task"] or ""} - {""}),
        queues=monitor.queue_names(),
        address=lambda **changes: _address({**chosen, **changes}),
    )


def matching(most: int) -> list[str]:
    """The ids of the jobs that fit the filters in a form, at most so many."""
    chosen, found, cursor = _chosen(request.form), list[str](), None
    while len(found) < most:
        seen = _find(chosen, cursor)
        found += [job.id for job in seen.jobs]
        cursor = seen.next_cursor
        if cursor is None:
            break
    return found[:most]


def _chosen(given: Mapping[str, str]) -> dict[str, str | None]:
    chosen = {name: given.get(name) or None for name in _FILTERS}
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


def _address(chosen: dict[str, str | None], cursor: str | None = None) -> str:
    given: dict[str, Any] = {name: value for name, value in {**chosen, "cursor": cursor}.items() if value}
    return url_for("dashboard.jobs", **given)
