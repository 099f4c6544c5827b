"""The form that makes or changes a schedule, and says in words and dates what it means while it is filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from jobs import monitor, schedules
from jobs.errors import NightshiftError, RedisUnavailable, ScheduleMissing
from jobs.registry import all_tasks
from jobs.schedules import Definition, ScheduleView
from jobs.settings import current_settings
from web.access import caller
from web.visible import visible_schedule

from . import sessions
from .formats import arguments
from .rendering import page

_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_PLAIN = ("task", "timezone", "overlap", "catchup", "description")
_OVERLAPS = {
    "skip": "skip the tick",
    "queue_one": "run it when that job has ended",
    "replace": "stop that job and start anew",
    "allow": "run both",
}
_CATCH_UPS = {"latest": "run the latest one", "all": "run all of them", "skip": "run none"}


def add_to(pages: Blueprint) -> None:
    """Add the routes; a '+' cannot be in a schedule's id."""
    pages.get("/schedules/+new")(new_schedule)
    pages.post("/schedules/+new")(create_schedule)
    pages.post("/schedules/+preview")(preview)
    pages.get("/schedules/<name>/edit")(edit_schedule)
    pages.post("/schedules/<name>/edit")(save_schedule)
    pages.post("/schedules/<name>/remove")(remove_schedule)


def new_schedule() -> Response:
    """An empty form."""
    first = {"kind": "cron", "cron": "0 9 * * mon-fri", "timezone": current_settings().timezone, "enabled": "1"}
    return _form(None, {**first, "unit": "minutes", "task": request.args.get("task", "")})


def create_schedule() -> AnyResponse:
    """Make a schedule that no code declares."""
    try:
        made = schedules.create({"id": request.form.get("id", "").strip(), **_fields()}, actor=sessions.actor())
    except RedisUnavailable:
        raise
    except (NightshiftError, ValueError) as error:
        return _form(None, request.form, str(error))
    flash(f"{made.id} is made: {made.words}.", "good")
    return redirect(url_for("dashboard.schedule", name=made.id), 303)


def edit_schedule(name: str) -> Response:
    """The form with what holds now."""
    found = visible_schedule(name)
    return _form(found, _filled(_definition(found), found.revision))


def save_schedule(name: str) -> AnyResponse:
    """Change a schedule, unless somebody else has changed it since the form was opened."""
    found = visible_schedule(name)
    try:
        revision = int(request.form.get("revision", "0"))
        schedules.edit(name, _changes(_definition(found)), actor=sessions.actor(), revision=revision)
    except (RedisUnavailable, ScheduleMissing):
        raise
    except (NightshiftError, ValueError) as error:
        return _form(found, request.form, str(error))
    flash(f"{name} is changed.", "good")
    return redirect(url_for("dashboard.schedule", name=name), 303)


def remove_schedule(name: str) -> AnyResponse:
    """Delete a schedule that was made here."""
    schedules.remove(visible_schedule(name).id, actor=sessions.actor())
    flash(f"{name} is removed; its jobs stay.", "good")
    return redirect(url_for("dashboard.schedules"), 303)


def preview() -> str:
    """What the form means as it stands."""
    return render_template("schedulepreview.html", **_previewed(request.form))


def _previewed(filled: Mapping[str, str]) -> dict[str, Any]:
    try:
        return {"preview": schedules.preview(_rule(filled) | {"task": filled.get("task", "")})}
    except RedisUnavailable:
        raise
    except (NightshiftError, ValueError) as error:
        return {"problem": str(error).removeprefix("schedule 'preview': ")}


def _form(found: ScheduleView | None, filled: Mapping[str, str], problem: str | None = None) -> Response:
    return page(
        "scheduleform.html",
        section="dashboard.schedules",
        living=False,
        status=422 if problem else 200,
        schedule=found,
        filled=filled,
        problem=problem,
        shown=_previewed(filled),
        tasks=[task for task in all_tasks() if caller().may_use(task.name)],
        queues=monitor.queue_names(),
        units=_UNITS,
        overlaps=_OVERLAPS,
        catch_ups=_CATCH_UPS,
    )


def _filled(definition: Definition, revision: int) -> dict[str, str]:
    """The form of a definition. Hidden arguments stay hidden, and are kept unless others are given."""
    seconds = definition.every or 0
    unit = next((name for name, length in reversed(_UNITS.items()) if seconds and seconds % length == 0), "seconds")
    plain = {name: str(getattr(definition, name)) for name in _PLAIN}
    return plain | {
        "kind": "at" if definition.at else "cron" if definition.cron else "every",
        "every": f"{seconds / _UNITS[unit]:g}" if seconds else "",
        "unit": unit,
        "cron": definition.cron or "",
        "at": definition.at.astimezone(definition.zone).strftime("%Y-%m-%dT%H:%M") if definition.at else "",
        "args": json.dumps(arguments(definition), indent=2) if definition.args else "",
        "queue": definition.queue or "",
        "enabled": "1" if definition.enabled else "",
        "pause_after": str(definition.pause_after or ""),
        "revision": str(revision),
    }


def _definition(found: ScheduleView) -> Definition:
    if found.definition is None:
        raise ScheduleMissing(found.id)
    return found.definition


def _changes(before: Definition) -> dict[str, Any]:
    """What the form says otherwise than it was shown: hidden arguments and the phase of an interval are not lost."""
    changes = _fields()
    if changes["args"] == arguments(before):
        del changes["args"]
    if _rule(request.form) == _rule(_filled(before, 0)):
        changes = {name: value for name, value in changes.items() if name not in {"every", "cron", "at"}}
    return changes


def _fields() -> dict[str, Any]:
    given = request.form
    return {
        **{name: given[name].strip() for name in _PLAIN if name in given},
        **_rule(given),
        "args": _args(given.get("args", "")),
        "queue": given.get("queue") or None,
        "enabled": bool(given.get("enabled")),
        "pause_after": int(given["pause_after"]) if given.get("pause_after") else None,
    }


def _rule(filled: Mapping[str, str]) -> dict[str, Any]:
    zone = {"timezone": filled.get("timezone", "").strip() or "UTC"}
    match filled.get("kind"):
        case "every":
            amount = float(filled.get("every") or 0)
            return zone | {"every": amount * _UNITS.get(filled.get("unit", ""), 1)}
        case "at":
            return zone | {"at": filled.get("at") or None}
    return zone | {"cron": filled.get("cron", "").strip()}


def _args(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the arguments are not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("the arguments must be a JSON object")
    return found
