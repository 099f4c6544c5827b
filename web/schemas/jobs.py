"""Jobs as they are shown."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue

from jobs.priorities import Priority

from .base import InputTime, Instant, Query, View


class ProgressView(View):
    """How far the task says it is."""

    done: float
    total: float | None
    note: str
    at: Instant


class ErrorView(View):
    """Why the last attempt failed."""

    type: str = Field(examples=["ValueError"])
    message: str


class AttemptView(View):
    """One execution of a job."""

    number: int
    started_at: Instant | None
    ended_at: Instant | None
    duration: float | None = Field(description="Seconds.")
    worker: str | None
    outcome: str
    error: ErrorView | None


class ArtifactView(View):
    """A file that a job made."""

    name: str
    content_type: str
    size: int
    href: str


class LinksView(View):
    """Where the rest of a job is."""

    self: str
    result: str
    log: str


class JobSummary(View):
    """A job, as lists show it."""

    id: str = Field(examples=["5f0c1d6f0a3b4c0e9a7c3f1e2d4b5a69"])
    task: str
    args: dict[str, Any]
    queue: str
    status: str = Field(
        description="queued, scheduled (delayed), started, finished, failed, canceled, deferred or stopped.",
        examples=["finished"],
    )
    created_at: Instant
    enqueued_at: Instant | None
    started_at: Instant | None
    ended_at: Instant | None
    run_at: Instant | None = Field(description="When a delayed job is due.")
    attempt: int = Field(description="Attempts started so far.")
    max_attempts: int
    priority: Priority = Field(description="Among the jobs that wait in the same queue.")
    progress: ProgressView | None
    error: ErrorView | None
    worker: str | None
    tags: list[str]
    schedule: str | None
    tick: str | None
    links: LinksView


ENDED = frozenset({"finished", "failed", "canceled", "stopped"})


class JobView(JobSummary):
    """A job with its attempts and what it made."""

    attempts: list[AttemptView]
    artifacts: list[ArtifactView]

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes by itself."""
        return self.status in ENDED


class JobsView(View):
    """A page of jobs, newest first."""

    jobs: list[JobSummary]
    next: str | None = Field(description="Where the next page is; null on the last.")


class BulkView(View):
    """How many jobs an act would reach."""

    matched: int
    more: bool = Field(description="There are more than were counted.")
    sample: list[str] = Field(description="Ids of some of them.")


class BatchView(View):
    """The jobs of a batch, in the order of the request."""

    jobs: list[JobSummary]


class ResultView(View):
    """What the task returned."""

    id: str
    result: JsonValue


class LogLineView(View):
    """One line that the task logged."""

    at: Instant
    attempt: int
    message: str
    fields: dict[str, JsonValue]


class LogView(View):
    """What the task logged, oldest first."""

    id: str
    lines: list[LogLineView]


class EventsQuery(Query):
    """What to follow."""

    job: str | None = Field(None, min_length=1, max_length=128, description="A job's id.")


class JobsQuery(Query):
    """Which jobs to list."""

    status: Literal["queued", "scheduled", "started", "finished", "failed", "canceled", "stopped"] | None = None
    task: str | None = Field(None, max_length=200)
    queue: str | None = Field(None, max_length=64)
    tag: str | None = Field(None, max_length=64)
    since: InputTime | None = Field(None, description="Accepted at this instant or later.")
    until: InputTime | None = Field(None, description="Accepted before this instant.")
    cursor: str | None = Field(None, max_length=200, description="From `next` of the page before.")
    limit: int = Field(50, ge=1, le=100)
