"""The catalogue of tasks, and the form that enqueues one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from jobs import dispatch, monitor
from jobs.dispatch import JobRequest
from jobs.errors import InvalidArguments, NightshiftError, Problem, RedisUnavailable, UnknownTask
from jobs.priorities import PRIORITIES, Priority
from jobs.records import Job
from jobs.registry import Task, all_tasks, find
from web.access import caller
from web.visible import visible_job

from . import forms, trends
from .formats import arguments
from .rendering import page

_WHOLE = ""
"""The place of a problem that belongs to no field."""


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/tasks")(tasks)
    pages.get("/jobs/new")(new_job)
    pages.post("/jobs/new")(enqueue)
    pages.post("/jobs/new/curl")(curl)


def tasks() -> Response:
    """Every task that can be enqueued."""
    return page("tasks.html", section="dashboard.tasks", tasks=_usable(), seen=trends.by_task())


def new_job() -> Response:
    """The form of one task, filled in with what the address carries or with the arguments of another job."""
    task = _task(request.args.get("task") or next((task.name for task in _usable()), ""))
    return _form(task, {**request.args, **_like(request.args.get("like"))}, {})


def enqueue() -> AnyResponse:
    """Enqueue what the form says, or show it again with what is wrong."""
    task = _task(request.form.get("task", ""))
    try:
        job = _submit(task)
    except InvalidArguments as error:
        return _form(task, request.form, {_place(problem): problem.message for problem in error.problems})
    except RedisUnavailable:
        raise
    except NightshiftError as error:
        return _form(task, request.form, {_WHOLE: str(error)})
    flash(f"Enqueued {task.name}.", "good")
    return redirect(url_for("dashboard.job", job_id=job.id), 303)


def curl() -> str:
    """The same request for a terminal, as the form is filled in now."""
    return render_template("curl.html", command=_curl(_task(request.form.get("task", "")), request.form))


def _usable() -> list[Task]:
    """The tasks that the token of this session allows."""
    return [task for task in all_tasks() if caller().may_use(task.name)]


def _task(name: str) -> Task:
    if not caller().may_use(name):
        abort(404, f"no task is named {name!r}")
    try:
        return find(name)
    except UnknownTask as error:
        abort(404, str(error))


def _like(job_id: str | None) -> dict[str, str]:
    """The form of a job that is there already, to enqueue it again with other arguments; its secrets stay hidden."""
    if not job_id:
        return {}
    job = visible_job(job_id)
    shown = arguments(job)
    open_args = {name: value for name, value in job.args.items() if shown[name] == value}
    shown = {forms.PREFIX + name: forms.shown(value) for name, value in open_args.items()}
    return {**shown, "task": job.task, "queue": job.queue, "priority": job.priority, "tags": ", ".join(job.tags)}


def _submit(task: Task) -> Job:
    given = request.form
    return dispatch.submit(
        JobRequest(
            task=task.name,
            args=forms.arguments(task, given, request.files),
            queue=given.get("queue") or None,
            priority=cast("Priority | None", given.get("priority") or None),
            run_at=_run_at(given.get("delay", "")),
            tags=_tags(given.get("tags", "")),
        )
    )


def _run_at(delay: str) -> datetime | None:
    if not delay.strip():
        return None
    try:
        return datetime.now(UTC) + timedelta(seconds=float(delay))
    except (ValueError, OverflowError):
        raise InvalidArguments("", [Problem("/delay", "must be a number of seconds")]) from None


def _tags(text: str) -> tuple[str, ...]:
    return tuple(tag.strip() for tag in text.split(",") if tag.strip())


def _place(problem: Problem) -> str:
    return problem.pointer.strip("/").split("/")[0]


def _form(task: Task, filled: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    shown = forms.fields(task, filled, problems)
    elsewhere = [text for place, text in problems.items() if place not in {field.name for field in shown}]
    return page(
        "newjob.html",
        section="dashboard.jobs",
        living=False,
        status=422 if problems else 200,
        task=task,
        tasks=_usable(),
        fields=shown,
        filled=filled,
        elsewhere=elsewhere,
        queues=monitor.queue_names(),
        priorities=PRIORITIES,
        curl=_curl(task, filled),
    )


def _curl(task: Task, filled: Mapping[str, str]) -> str:
    """A file that is only chosen in the form has no id yet, so the line says how to get one."""
    args = forms.arguments(task, filled, {})
    missing = {field.name: "file_…" for field in forms.fields(task, {}, {}) if field.kind == "file"}
    body: dict[str, object] = {"task": task.name, "args": {**missing, **args}}
    body |= {name: filled[name] for name in ("queue", "priority") if filled.get(name)}
    body |= {"delay": float(filled["delay"])} if filled.get("delay", "").replace(".", "", 1).isdecimal() else {}
    body |= {"tags": list(_tags(filled["tags"]))} if filled.get("tags") else {}
    return "\n".join(_lines(json.dumps(body, ensure_ascii=False), upload=bool(missing.keys() - args.keys())))


def _lines(body: str, *, upload: bool) -> list[str]:
    bearer = '-H "Authorization: Bearer $API_TOKEN"'
    first = [f"curl {bearer} -F file=@photo.jpg {request.host_url}api/v1/files", ""] if upload else []
    return [
        *first,
        f"curl {bearer} \\",
        '  -H "Content-Type: application/json" \\',
        f"  -d {shlex.quote(body)} \\",
        f"  {request.host_url}api/v1/jobs",
    ]
