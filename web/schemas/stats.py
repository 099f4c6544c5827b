"""How it goes."""

from __future__ import annotations

from pydantic import Field

from .base import Instant, Query, View
from .operations import QueueView


class ClockView(View):
    """The clock, as Redis shows it."""

    leader: str | None
    release: str | None
    lease_age: float | None = Field(description="Seconds since the leader last said that it lives.")
    clocks: list[str]
    schedules: int
    overdue: int = Field(description="Schedules with a tick that should have been decided.")
    worst: float = Field(description="Seconds since the oldest of them was due.")
    problems: dict[str, str] = Field(description="Schedules that the code declares wrongly.")


class ServerView(View):
    """The Redis server."""

    name: str
    version: str = Field(description="Of the Redis that it is or is compatible with.")
    memory: int = Field(description="Bytes.")
    max_memory: int = Field(description="Bytes; 0 when there is no limit.")
    policy: str
    durability: str = Field(description="How often jobs reach the disk: always, everysec, no, none or unknown.")
    clients: int


class StatsView(View):
    """Everything at once."""

    at: Instant
    queues: list[QueueView]
    workers: int
    clock: ClockView
    redis: ServerView


class ScaleQuery(Query):
    """Which queues are asked about."""

    queues: str | None = Field(
        None,
        max_length=2000,
        description="Names, separated by commas: those that one kind of worker takes. All when it is not given.",
        examples=["high,default"],
    )

    @property
    def names(self) -> list[str]:
        """The names one by one."""
        return [name.strip() for name in (self.queues or "").split(",") if name.strip()]


class QueueScaleView(View):
    """What a queue needs, by itself."""

    name: str
    target: float = Field(description="Seconds that a job may wait, from QUEUE_LATENCY.")
    waiting: int
    running: int
    oldest_wait: float | None = Field(description="Seconds that the next job has waited.")
    paused: bool = Field(description="What waits in a paused queue asks for nobody.")
    rate: float = Field(description="Attempts that ended, a second, over the last five minutes.")
    mean_run: float = Field(description="Seconds that an attempt takes, over the last hour.")
    load: float = Field(description="Horses that were busy on average.")
    horses: float = Field(description="Horses that would be enough.")
    workers: int = Field(description="Workers that would be enough, if they took from this queue only.")


class ScaleView(View):
    """What the queues need together."""

    at: Instant
    workers: int = Field(description="How many workers there should be; never less than SCALE_MIN_WORKERS.")
    horses: float
    workers_now: int = Field(description="Workers that live, without those that are being drained.")
    horses_now: int
    horses_per_worker: float
    queues: list[QueueScaleView]
