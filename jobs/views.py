"""What the reads of `jobs.monitor` give: frozen, and complete in themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import redaction
from .records import Job, JobError

if TYPE_CHECKING:
    from .sifting import Glance

_DURABILITY = {
    "always": "every job is on disk at once",
    "everysec": "on disk within a second",
    "no": "on disk now and then",
    "none": "not on disk, or by snapshots only",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution that ended; `outcome` is finished, retrying, failed, snoozed, interrupted or crashed.

    `duration` is seconds, `peak_memory` bytes.
    """

    number: int
    outcome: str
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    error: JobError | None
    traceback: str | None
    peak_memory: int | None

    @property
    def duration(self) -> float | None:
        """Seconds from start to end."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs, newest first; `next_cursor` asks for those after them, None at the end.

    `looked_at` is how many jobs were read to find these.
    """

    jobs: tuple[Job, ...]
    next_cursor: str | None
    looked_at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a listed job must have; None accepts all."""

    status: str | None
    task: str | None
    queue: str | None
    tag: str | None
    visible: Callable[[str], bool] | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    def fits(self, job: Job | Glance) -> bool:
        """Whether a job has all of it."""
        return (
            self.status in (None, job.status)
            and self.task in (None, job.task)
            and self.queue in (None, job.queue)
            and (self.tag is None or self.tag in job.tags)
            and (self.visible is None or self.visible(job.task))
            and (self.since is None or job.created_at >= self.since)
            and (self.until is None or job.created_at < self.until)
            and (self.text is None or _says(redaction.arguments(job.task, job.args), self.text.casefold()))
        )


def _says(args: Mapping[str, Any], text: str) -> bool:
    """Whether shown arguments have this text in a value; `name=value` is also found in the argument of that name."""
    shown = {name.casefold(): _plain(value).casefold() for name, value in args.items()}
    name, _, wanted = (part.strip() for part in text.partition("="))
    return any(text in value for value in shown.values()) or (bool(wanted) and wanted in shown.get(name, ""))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class QueueView:
    """Counts of one queue; `oldest_wait` is seconds; `workers` counts the supervisors that listen to it.

    Of those that wait `high` and `low` have that priority.
    """

    name: str
    waiting: int
    started: int
    scheduled: int
    failed: int
    finished: int
    oldest_wait: float | None
    workers: int
    high: int
    low: int

    @property
    def in_use(self) -> bool:
        """Whether there is anything to see: jobs other than canceled ones, or a worker."""
        return bool(self.waiting or self.started or self.scheduled or self.failed or self.finished or self.workers)


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One supervisor: where it runs, what it listens to and what its horses do."""

    name: str
    hostname: str
    pid: int
    state: str
    queues: tuple[str, ...]
    current_job: str | None
    heartbeat: datetime | None
    started_at: datetime | None
    horses: int


@dataclass(frozen=True, slots=True)
class ServerView:
    """The Redis server: `name` for people, `version` of the Redis it is or is compatible with; memory in bytes.

    `durability` is how often accepted jobs reach the disk: always, everysec, no (when the system likes), none (there
    are snapshots at best), or unknown.
    """

    name: str
    version: str
    memory: int
    max_memory: int
    policy: str
    durability: str
    clients: int

    @property
    def durability_in_words(self) -> str:
        """What becomes of an accepted job when the server's machine dies."""
        return _DURABILITY.get(self.durability, "durability unknown")
