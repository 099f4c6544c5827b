"""How it goes, read at one moment, for `status` and `top`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cli import words
from cli.output import plain
from cli.shapes import Shape, job_shape, queue_shapes
from jobs import alerts, health, monitor, schedules
from jobs.alerts import Incident, Rule
from jobs.records import Job
from jobs.schedules import ClockStatus
from jobs.views import ServerView, WorkerView

_RUNNING, _COMING = 10, 5
_TOLD = {Rule.WORKERS, Rule.CLOCK}  # what `_problems` sees for itself, and sooner


@dataclass(frozen=True, slots=True)
class Coming:
    """A schedule and its next tick."""

    schedule: str
    tick: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was seen. `problems` are sentences; without any all is well."""

    at: datetime
    queues: list[Shape]
    workers: list[WorkerView]
    clock: ClockStatus
    server: ServerView
    running: list[Job]
    coming: list[Coming]
    alerts: list[Incident]
    problems: list[str] = field(default_factory=list)

    def shape(self) -> Shape:
        """As JSON."""
        parts = {
            name: plain(getattr(self, name)) for name in ("at", "problems", "queues", "workers", "coming", "alerts")
        }
        running = [job_shape(job) for job in self.running]
        return {
            "ok": not self.problems,
            **parts,
            "clock": plain(self.clock),
            "redis": plain(self.server),
            "running": running,
        }


def take() -> Snapshot:
    """Look. Raises RedisUnavailable."""
    now = words.now()
    queues, clock, workers = queue_shapes(now), schedules.clock_status(), monitor.workers()
    incidents = alerts.active()
    return Snapshot(
        at=now,
        queues=queues,
        workers=workers,
        clock=clock,
        server=monitor.server(),
        running=list(monitor.list_jobs(status="started", limit=_RUNNING).jobs),
        coming=_coming(),
        alerts=incidents,
        problems=[*_problems(now, queues, clock), *(_sentence(one) for one in incidents if one.rule not in _TOLD)],
    )


def _coming() -> list[Coming]:
    views = [view for view in schedules.list_schedules() if view.next_ticks]
    soonest = sorted(views, key=lambda view: view.next_ticks[0])[:_COMING]
    return [Coming(view.id, view.next_ticks[0], view.words) for view in soonest]


def _problems(now: datetime, queues: list[Shape], clock: ClockStatus) -> Iterator[str]:
    if not health.workers_alive(now):
        yield "No worker is alive: nothing is run."
    if clock.leader is None:
        yield "No clock is alive: nothing is scheduled, and delayed jobs do not start."
    elif clock.overdue:
        yield f"{words.many(clock.overdue, 'schedule')} overdue, the worst by {words.span(clock.worst)}."
    yield from (f"Schedule {name} is wrong: {reason}" for name, reason in clock.problems.items())
    yield from (sentence for queue in queues if (sentence := _of_queue(queue)))


def _sentence(incident: Incident) -> str:
    return f"{incident.text[0].upper()}{incident.text[1:]}."


def _of_queue(queue: Mapping[str, object]) -> str:
    """A queue that was paused on purpose is no problem."""
    if queue["paused"] or queue["workers"] or not queue["waiting"]:
        return ""
    return f"Queue {queue['name']} has jobs waiting and no worker that takes them."
