"""The JSON of the command line, with the names of the HTTP API (docs/cli.md). Fields are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cli.output import plain
from jobs import monitor, queues, redaction
from jobs.monitor import Attempt
from jobs.records import Job
from jobs.registry import Task
from jobs.schedules import ScheduleView
from jobs.views import QueueView

Shape = dict[str, Any]

_JOB = (
    *("id", "task", "args", "queue", "status", "created_at", "enqueued_at", "started_at", "ended_at", "run_at"),
    *("attempt", "max_attempts", "priority", "progress", "error", "worker", "tags", "schedule", "tick"),
)
_ATTEMPT = ("number", "outcome", "started_at", "ended_at", "duration", "worker", "error", "traceback", "peak_memory")


def job_shape(job: Job) -> Shape:
    """A job, as in lists; a terminal's scrollback and a build's log are read by others, so secrets are hidden."""
    own: Shape = {name: plain(getattr(job, name)) for name in _JOB}
    return own | {"args": redaction.arguments(job.task, job.args)}


def whole_job_shape(job: Job) -> Shape:
    """A job with its attempts and its artifacts; reads them."""
    attempts = [attempt_shape(attempt) for attempt in monitor.attempts(job.id)]
    made = [
        {"name": name, "file": file.id, "content_type": file.content_type, "size": file.size}
        for name, file in monitor.artifacts(job.id).items()
    ]
    return job_shape(job) | {"attempts": attempts, "artifacts": made}


def attempt_shape(attempt: Attempt) -> Shape:
    """One execution."""
    return {name: plain(getattr(attempt, name)) for name in _ATTEMPT}


def last_traceback(attempts: Sequence[Attempt]) -> str:
    """Of the newest attempt that has one; empty without."""
    return next((attempt.traceback for attempt in reversed(attempts) if attempt.traceback), "")


def queue_shapes(now: datetime) -> list[Shape]:
    """Every queue with its counts and its pause; reads them."""
    paused = queues.paused()
    return [queue_shape(queue, paused.get(queue.name)) for queue in monitor.queues(now)]


def queue_shape(queue: QueueView, pause: queues.Pause | None) -> Shape:
    """One queue."""
    shape: Shape = plain(queue)
    return shape | {"paused": plain(pause)}


def schedule_shape(view: ScheduleView) -> Shape:
    """A schedule; `definition` is what `schedules create` and `import` take."""
    shape: Shape = plain(view)
    definition = view.definition.model_dump(mode="json", exclude_defaults=True) if view.definition else None
    return shape | {"definition": definition}


def task_shape(task: Task) -> Shape:
    """A task with the JSON Schema of its arguments."""
    kept = ("name", "description", "queue", "timeout", "result_ttl")
    return {name: getattr(task, name) for name in kept} | {"retries": task.retry.max, "schema": task.schema()}
