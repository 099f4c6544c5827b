"""Queues, workers, dead letters and the audit."""

from __future__ import annotations

from pydantic import Field, JsonValue

from .base import Input, Instant, Query, View


class PauseView(View):
    """Why a queue starts nothing."""

    note: str
    at: Instant
    by: str


class QueueView(View):
    """The counts of a queue."""

    name: str
    waiting: int
    started: int
    scheduled: int
    failed: int
    finished: int
    oldest_wait: float | None = Field(description="Seconds that the next job has waited.")
    workers: int = Field(description="How many listen to it.")
    paused: PauseView | None


class QueuesView(View):
    """All queues."""

    queues: list[QueueView]


class EmptiedView(View):
    """What was done."""

    canceled: int


class WorkerView(View):
    """A worker."""

    name: str
    hostname: str
    pid: int
    state: str
    queues: list[str]
    current_job: str | None
    heartbeat: Instant | None
    started_at: Instant | None
    horses: int


class WorkersView(View):
    """All workers that live."""

    workers: list[WorkerView]


class FailureGroupView(View):
    """Dead letters that look alike."""

    fingerprint: str
    task: str
    error_type: str
    message: str = Field(description="Of the newest.")
    frame: str = Field(description="The line that raised.")
    count: int
    first_seen: Instant
    last_seen: Instant
    job_ids: list[str] = Field(description="The newest, at most 20.")


class FailuresView(View):
    """Dead letters in groups."""

    groups: list[FailureGroupView]


class AuditEntryView(View):
    """One act."""

    id: str
    at: Instant
    actor: str
    action: str
    subject: str
    detail: dict[str, JsonValue]


class AuditView(View):
    """A page of acts, newest first."""

    entries: list[AuditEntryView]
    next: str | None


class NewPause(Input):
    """Why a queue is paused."""

    note: str = Field("", max_length=500)


class NewEmptying(Input):
    """A queue is emptied only by who types its name."""

    confirm: str


class FailuresQuery(Query):
    """Which dead letters."""

    task: str | None = Field(None, max_length=200)
    queue: str | None = Field(None, max_length=64)


class AuditQuery(Query):
    """Which acts."""

    cursor: str | None = Field(None, pattern=r"^[1-9][0-9]{0,14}-[0-9]{1,15}$")
    limit: int = Field(50, ge=1, le=100)
