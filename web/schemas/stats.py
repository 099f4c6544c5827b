"""How it goes."""

from __future__ import annotations

from pydantic import Field

from .base import Instant, View
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
