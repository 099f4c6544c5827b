"""What webhooks are sent."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .base import Instant, View
from .jobs import ErrorView


class JobData(View):
    """A job as it was when the event happened."""

    id: str
    task: str
    queue: str
    status: Literal["finished", "scheduled", "failed"] = Field(description="`scheduled` when another attempt follows.")
    attempt: int
    max_attempts: int | None
    args: dict[str, Any] | None = Field(
        description="Without secrets; null when they were too long, or the job is gone."
    )
    tags: list[str]
    created_at: Instant | None
    started_at: Instant
    ended_at: Instant
    schedule: str | None
    tick: str | None
    error: ErrorView | None
    traceback: str | None = Field(None, description="Only when the webhook asks for it.")
    omitted: list[str] = Field([], description="What was left out because the message would be too long.")


class MissedData(View):
    """Ticks of a schedule that will not run."""

    schedule: str
    task: str
    first: Instant
    last: Instant
    count: int | None = Field(description="Null when they were not counted.")
    reason: str


class PingData(View):
    """Who wanted to see whether messages arrive."""

    webhook: str
    by: str


class JobMessage(View):
    """What happened to a job."""

    type: Literal["job.finished", "job.failed", "job.dead"]
    timestamp: Instant
    data: JobData


class MissedMessage(View):
    """What did not happen to a schedule."""

    type: Literal["schedule.missed"]
    timestamp: Instant
    data: MissedData


class PingMessage(View):
    """A message that means nothing."""

    type: Literal["webhook.ping"]
    timestamp: Instant
    data: PingData
