"""The first page: what waits, what runs, what failed, what comes next, and whether everything is well."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import nsmallest

from flask import Blueprint, Flask, Response, abort, current_app, request

from jobs import alerts, monitor, queues, schedules
from jobs.alerts import Incident
from jobs.monitor import QueueView, ServerView, WorkerView
from jobs.records import Job
from jobs.schedules import ClockStatus, ScheduleView
from jobs.tokens import Caller
from web.access import caller
from web.visible import visible_alerts

from . import trends
from .charts import charts, sparks
from .rendering import page
from .snapshot import Fresh

_RECENT, _RUNNING, _TICKS, _SCHEDULES = 12, 6, 6, 200
_EXAMPLE = '{"task": "mail.send", "args": {"to": ["you@example.com"], "subject": "Hello", "text": "It works."}}'
_NAME = "nightshift.overview"


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next tick of a schedule, on the wall clock of its time zone."""

    at: datetime
    schedule: ScheduleView


@dataclass(frozen=True, slots=True)
class Overview:
    """One reading of everything on the first page."""

    at: datetime
    queues: list[QueueView]
    workers: list[WorkerView]
    server: ServerView
    recent: list[Job]
    clock: ClockStatus
    upcoming: list[Upcoming]
    brakes: frozenset[str]
    incidents: list[Incident]
    paused: int
    others: bool = False

    @property
    def waiting(self) -> int:
        """Jobs in all queues."""
        return sum(queue.waiting for queue in self.queues)

    @property
    def running(self) -> int:
        """Jobs being run."""
        return sum(queue.started for queue in self.queues)

    @property
    def scheduled(self) -> int:
        """Jobs that wait for their time, retries among them."""
        return sum(queue.scheduled for queue in self.queues)

    @property
    def failed(self) -> int:
        """Dead letters."""
        return sum(queue.failed for queue in self.queues)

    @property
    def finished(self) -> int:
        """Finished jobs whose result is still kept."""
        return sum(queue.finished for queue in self.queues)

    @property
    def oldest(self) -> datetime | None:
        """Since when the job that has waited longest waits."""
        waits = [queue.oldest_wait for queue in self.queues if queue.oldest_wait is not None]
        return self.since(max(waits)) if waits else None

    def since(self, seconds: float) -> datetime:
        """The instant that was so many seconds ago, which stays the same from one reading to the next."""
        return (self.at - timedelta(seconds=seconds)).replace(microsecond=0)

    @property
    def horses(self) -> int:
        """How many jobs can run at once."""
        return sum(worker.horses for worker in self.workers)

    @property
    def unserved(self) -> list[str]:
        """Queues in which jobs wait and no worker listens."""
        return [queue.name for queue in self.queues if queue.waiting and not queue.workers]

    def seen_by(self, person: Caller) -> Overview:
        """The same without the jobs and schedules of tasks that do not exist for this person."""
        recent = [job for job in self.recent if person.may_see(job.task)]  # our own are for operators
        seen = replace(self, recent=recent, others=len(recent) < len(self.recent))
        if person.sees_all:
            return seen
        return replace(
            seen,
            incidents=visible_alerts(self.incidents),
            upcoming=[tick for tick in self.upcoming if person.may_use(tick.schedule.task)],
            workers=[replace(worker, current_job=None) for worker in self.workers],
        )

    @property
    def active(self) -> bool:
        """Whether something is moving, so that the page is worth asking for often."""
        return bool(self.running or (self.waiting and self.workers))


def install(app: Flask) -> None:
    """Give the app its one cached reading."""
    schedule_list = Fresh(lambda: schedules.list_schedules(limit=_SCHEDULES), seconds=5)
    app.extensions[_NAME] = Fresh(partial(read, schedule_list))


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/")(overview)


def overview() -> Response:
    """The first page, with charts of the span of time that the address names."""
    seen, chosen = latest(), request.args.get("range", "1h")
    if chosen not in trends.RANGES:
        abort(400, f"range is one of {', '.join(trends.RANGES)}")
    return page(
        "overview.html",
        section="dashboard.overview",
        active=seen.active,
        seen=seen,
        charts=charts(trends.latest(chosen)),
        chosen=chosen,
        ranges=trends.RANGES,
        sparks=sparks(trends.latest("1h")),
        example=_EXAMPLE,
    )


def latest() -> Overview:
    """The reading all tabs of this process share."""
    reading: Fresh[Overview] = current_app.extensions[_NAME]
    return reading.get().seen_by(caller())


def forget() -> None:
    """Read anew at the next look, because a person has just changed something."""
    reading: Fresh[Overview] = current_app.extensions[_NAME]
    reading.forget()


def read(schedule_list: Fresh[list[ScheduleView]]) -> Overview:
    """Read it now; schedules change seldom and their ticks cost some arithmetic, so they may be a little older."""
    now, known = datetime.now(UTC), schedule_list.get()
    return Overview(
        at=now,
        queues=monitor.queues(now),
        workers=sorted(monitor.workers(), key=lambda worker: worker.name),
        server=monitor.server(),
        recent=_recent(),
        clock=schedules.clock_status(),
        upcoming=_upcoming(known, now),
        brakes=frozenset(queues.paused()),
        incidents=alerts.active(),
        paused=sum(schedule.paused for schedule in known),
    )


def _recent() -> list[Job]:
    """What runs first, however long ago it was created, then the newest."""
    running = monitor.list_jobs(status="started", limit=_RUNNING).jobs
    known = {job.id for job in running}
    return [*running, *(job for job in monitor.list_jobs(limit=_RECENT).jobs if job.id not in known)][:_RECENT]


def _upcoming(known: list[ScheduleView], now: datetime) -> list[Upcoming]:
    """One tick of each schedule, so that a busy one does not hide the others."""
    ahead = ((next((at for at in each.next_ticks if at > now), None), each) for each in known)
    return nsmallest(_TICKS, (Upcoming(at, each) for at, each in ahead if at), key=lambda tick: tick.at)
