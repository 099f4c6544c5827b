"""The first page: what waits, what runs, what failed, what comes next, and whether everything is well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Flask, Response, current_app

from jobs import monitor
from jobs.monitor import QueueView, ServerView, WorkerView
from jobs.records import Job

from .rendering import page
from .snapshot import Fresh

_RECENT = 12
_EXAMPLE = '{"task": "mail.send", "args": {"to": ["you@example.com"], "subject": "Hello", "text": "It works."}}'
_NAME = "nightshift.overview"


@dataclass(frozen=True, slots=True)
class Overview:
    """One reading of everything on the first page."""

    at: datetime
    queues: list[QueueView]
    workers: list[WorkerView]
    server: ServerView
    recent: tuple[Job, ...]

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

    @property
    def active(self) -> bool:
        """Whether something is moving, so that the page is worth asking for often."""
        return bool(self.running or (self.waiting and self.workers))


def install(app: Flask) -> None:
    """Give the app its one cached reading."""
    app.extensions[_NAME] = Fresh(read)


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/")(overview)


def overview() -> Response:
    """The first page."""
    seen = latest()
    return page("overview.html", section="dashboard.overview", active=seen.active, seen=seen, example=_EXAMPLE)


def latest() -> Overview:
    """The reading all tabs of this process share."""
    reading: Fresh[Overview] = current_app.extensions[_NAME]
    return reading.get()


def read() -> Overview:
    """Read it now."""
    now = datetime.now(UTC)
    return Overview(
        at=now,
        queues=monitor.queues(now),
        workers=sorted(monitor.workers(), key=lambda worker: worker.name),
        server=monitor.server(),
        recent=monitor.list_jobs(limit=_RECENT).jobs,
    )
