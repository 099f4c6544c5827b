"""What a person does to jobs, one, a selection or all that match, and how the page tells what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from flask import Blueprint, abort, flash, redirect, request
from werkzeug.wrappers import Response

from jobs import audit
from jobs.errors import JobConflict, JobMissing
from jobs.records import Job
from web.visible import require_visible

from . import many, overview, sessions
from .formats import sentence
from .verbs import VERBS, Verb

MOST = 100  # as many as a page lists


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.post("/jobs/<job_id>/<verb>")(one)
    pages.post("/jobs/selected")(selected)


def one(job_id: str, verb: str) -> Response:
    """Act on one job."""
    chosen = _verb(verb)
    try:
        require_visible(job_id)
        chosen.act(job_id)
    except (JobConflict, JobMissing) as error:
        flash(sentence(error), "bad")
    else:
        audit.note(sessions.actor(), f"job.{verb}", job_id)
        flash(f"{chosen.done.capitalize()}.", "good")
    return back("/jobs" if verb == "delete" else f"/jobs/{job_id}")


def selected() -> Response:
    """Act on the ticked jobs at once, or let a job act on all that match the filters of the page."""
    verb = request.form.get("verb", "")
    if request.form.get("all"):
        return follow(many.start(verb, many.choice_of(request.form)), "/jobs")
    on_each(verb, request.form.getlist("job")[:MOST])
    return back("/jobs")


def follow(job: Job, elsewhere: str) -> Response:
    """To the page the form was on, which shows how far the job is."""
    overview.forget()
    return redirect(many.followed(sessions.local_path(request.form.get("next") or elsewhere), job), 303)


def on_each(verb: str, job_ids: Iterable[str], subject: str = "selected jobs") -> None:
    """Act on jobs one by one; those whose state does not allow it are left alone and counted."""
    chosen, counts = _verb(verb), Counter(_attempt(_verb(verb), job_id) for job_id in job_ids)
    if counts["done"]:
        audit.note(sessions.actor(), f"job.{verb}", subject, jobs=counts["done"])
    said = f"{_jobs(counts['done'])} {chosen.done}"
    left = f", {_jobs(counts['left'])} left as they were" if counts["left"] else ""
    flash(f"{said}{left}.", "good" if counts["done"] else "warn")


def back(elsewhere: str) -> Response:
    """To the page the form was on, with its filters, which shows what has changed."""
    overview.forget()
    return redirect(sessions.local_path(request.form.get("next") or elsewhere), 303)


def _attempt(verb: Verb, job_id: str) -> str:
    try:
        require_visible(job_id)
        verb.act(job_id)
    except (JobConflict, JobMissing):
        return "left"
    return "done"


def _verb(name: str) -> Verb:
    if name not in VERBS:
        abort(404, f"jobs have no action {name!r}")
    return VERBS[name]


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"
