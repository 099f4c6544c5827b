"""The schedules: what comes next, what became of the ticks before, and the brakes."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, flash, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from jobs import schedules as core
from jobs.errors import InvalidArguments, QueueFull, ScheduleConflict, UnknownTask
from jobs.schedules import Definition, ScheduleView
from web.access import caller
from web.visible import visible_schedule

from . import daylines, sessions
from .actions import back
from .formats import sentence
from .rendering import page

_LIMIT = 50
_TICKS = 20
_OUTCOMES = {"enqueued": "run", "waiting": "calm", "skipped": "warn", "missed": "bad"}
_JOB_OUTCOMES = {"finished": "good", "failed": "bad", "canceled": "calm", "stopped": "warn"}


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/schedules")(schedules)
    pages.get("/schedules/<name>")(schedule)
    pages.post("/schedules/<name>/run")(run_now)
    pages.post("/schedules/<name>/pause")(pause_schedule)
    pages.post("/schedules/<name>/resume")(resume_schedule)
    pages.post("/schedules/<name>/backfill")(backfill)
    pages.post("/schedules/<name>/backfill/end")(end_backfill)


def schedules() -> Response:
    """Every schedule with its next tick, its last one, and a line of the coming day."""
    listed = core.list_schedules(request.args.get("after", ""), _LIMIT)
    more = url_for("dashboard.schedules", after=listed[-1].id) if len(listed) == _LIMIT else None
    now = datetime.now(UTC)
    past = core.history_since([each.id for each in listed], now - daylines.HALF)
    return page(
        "schedules.html",
        section="dashboard.schedules",
        found=[one for one in listed if caller().may_use(one.task)],
        more=more,
        clock=core.clock_status(),
        line=lambda each: daylines.line(each, past[each.id], now, outcome_tone),
        tone_of=outcome_tone,
    )


def schedule(name: str) -> Response:
    """One schedule: its next ticks, what became of the last ones, and why some were missed."""
    found = visible_schedule(name)
    ticks = core.history(name, _TICKS)
    active = any(tick.job_outcome in {"queued", "started"} for tick in ticks)
    return page(
        "schedule.html",
        section="dashboard.schedules",
        active=active or found.backfill is not None,
        schedule=found,
        ticks=ticks,
        tone_of=outcome_tone,
    )


def run_now(name: str) -> AnyResponse:
    """Enqueue the schedule's job once, besides its ticks."""
    try:
        core.run_now(visible_schedule(name).id, actor=sessions.actor())
    except (ScheduleConflict, UnknownTask, InvalidArguments, QueueFull) as error:
        flash(sentence(error), "warn")
    else:
        flash(f"{name} was enqueued.", "good")
    return back(f"/schedules/{name}")


def pause_schedule(name: str) -> AnyResponse:
    """Keep back the ticks of a schedule."""
    core.pause(visible_schedule(name).id, note=request.form.get("note", "").strip()[:200], actor=sessions.actor())
    flash(f"{name} is paused.", "good")
    return back(f"/schedules/{name}")


def resume_schedule(name: str) -> AnyResponse:
    """End a pause; the ticks kept back run or not, as the button says."""
    core.resume(visible_schedule(name).id, actor=sessions.actor(), catch_up=bool(request.form.get("catch_up")))
    flash(f"{name} goes on.", "good")
    return back(f"/schedules/{name}")


def backfill(name: str) -> AnyResponse:
    """Enqueue the jobs of past ticks, between two times on the schedule's wall clock."""
    try:
        zone = _definition(visible_schedule(name)).zone
        start, end = (datetime.fromisoformat(request.form.get(key, "")).replace(tzinfo=zone) for key in ("from", "to"))
        pace = float(request.form.get("per_minute") or 60)
        count = core.backfill(name, start, end, actor=sessions.actor(), per_minute=pace)
    except ScheduleConflict as error:
        flash(sentence(error), "warn")
    except ValueError:
        flash("Give two dates with times, and a number for each minute.", "warn")
    else:
        flash(f"Backfilling {'many' if count is None else f'{count:,}'} ticks of {name}.", "good")
    return back(f"/schedules/{name}")


def end_backfill(name: str) -> AnyResponse:
    """Stop a backfill; the jobs it has enqueued stay."""
    core.end_backfill(visible_schedule(name).id, actor=sessions.actor())
    flash("The backfill is stopped; the jobs it has enqueued stay.", "good")
    return back(f"/schedules/{name}")


def outcome_tone(outcome: str | None, job_outcome: str | None) -> str:
    """The colour of a tick: how its job ended where that is known, else what was decided."""
    return _JOB_OUTCOMES.get(job_outcome or "") or _OUTCOMES.get(outcome or "", "calm")


def _definition(found: ScheduleView) -> Definition:
    if found.definition is None:
        raise ScheduleConflict(f"the record of schedule {found.id!r} cannot be read")
    return found.definition
