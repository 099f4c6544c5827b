"""The same act on all jobs that match: counted first, then done by a job of its own, which the list shows at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, Response, abort, flash, jsonify, request
from pydantic import ValidationError

from jobs import bulk, monitor
from jobs.bulk import Action, Choice
from jobs.dispatch import JobRequest, submit
from jobs.records import Job
from jobs.settings import current_settings
from web.access import caller

from . import overview, sessions
from .verbs import VERBS

FILTERS = ("status", "task", "queue", "tag", "text")


@dataclass(frozen=True, slots=True)
class Running:
    """A bulk action as the list shows it; `done` and `passed_over` are known when it has finished.

    `stands` says why it does not begin, when something else than time keeps it from that.
    """

    job: Job
    done: int | None = None
    passed_over: int = 0
    stands: str = ""


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/jobs/count")(count)


def count() -> Response:
    """How many jobs an action on all that match would be about, and the instant of this count."""
    choice = choice_of(request.args)
    counted = bulk.count(choice)
    return jsonify(jobs=counted.jobs, exact=counted.exact, most=bulk.MOST, until=datetime.now(UTC).isoformat())


def choice_of(given: Mapping[str, str]) -> Choice:
    """The jobs that a page's filters stand for; without a state none, as no action fits the jobs of every state."""
    if not given.get("status"):
        abort(400, "choose a state first: no action fits the jobs of every state")
    try:
        chosen: dict[str, object] = {name: given[name] for name in (*FILTERS, "until") if given.get(name)}
        return Choice.model_validate(chosen | {"tasks": list(caller().tasks)})
    except ValidationError:
        abort(400, "these filters are not ones of the list of jobs")


def start(verb: str, choice: Choice) -> Job:
    """Enqueue the action, where it is served best."""
    if verb not in VERBS:
        abort(404, f"jobs have no action {verb!r}")
    if choice.status not in VERBS[verb].fits:
        abort(400, f"no job that is {choice.status} can be acted on like that")
    args = {"action": cast("Action", verb), "choice": choice.model_dump(mode="json"), "by": sessions.actor()}
    job = submit(JobRequest(task=bulk.NAME, args=args, queue=current_settings().queues[0]))
    flash(f"{VERBS[verb].name}: a job does it for all that match, and goes on when this page is closed.", "good")
    return job


def followed(address: str, job: Job) -> str:
    """The page a form was on, which then shows how far the job is."""
    parts = urlsplit(address)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "bulk"]
    return f"{parts.path}?{urlencode([*query, ('bulk', job.id)])}"


def running(job_id: str | None) -> Running | None:
    """The action that the address of a page follows; None when there is no such job any more."""
    job = monitor.find_job(job_id) if job_id else None
    if job is None or job.task != bulk.NAME:
        return None
    if job.status == "queued":
        return Running(job, stands=_why_it_stands(job.queue))
    return Running(job, **monitor.get_result(job.id) if job.status == "finished" else {})


def _why_it_stands(queue: str) -> str:
    seen = overview.latest()
    if queue in seen.brakes:
        return f"until the queue {queue} is resumed"
    return f"until a worker takes jobs of {queue}" if queue in seen.unserved else ""
