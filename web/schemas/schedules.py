"""Schedules as they are shown and as they are asked for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from .base import WHOLE, Input, InputTime, Instant, Query, QueueName, View, example


class BackfillView(View):
    """A backfill under way."""

    position: Instant = Field(description="The last tick it has reached.")
    end: Instant
    enqueued: int
    actor: str


class ScheduleView(View):
    """A schedule. Ticks are on the wall clock of its time zone."""

    id: str = Field(examples=["reports.daily"])
    kind: str = Field(description="every, cron or once.")
    spec: str = Field(description="The rule as written.")
    words: str = Field(description="The rule in plain words.")
    timezone: str
    task: str
    args: dict[str, JsonValue]
    queue: str | None
    description: str
    enabled: bool
    retired: bool = Field(description="The code no longer declares it.")
    paused: bool
    note: str = Field(description="Why it is paused.")
    source: str
    revision: int
    next_ticks: list[Instant]
    last_tick: Instant | None
    last_job: str | None
    last_outcome: str | None
    waiting: Instant | None = Field(description="A tick that waits for the end of the job before it.")
    failures: int = Field(description="Failed jobs in a row.")
    backfill: BackfillView | None
    problem: str = Field(description="Why what the code declares now is not valid.")


class SchedulesView(View):
    """A page of schedules, by name."""

    schedules: list[ScheduleView]
    next: str | None


class TickView(View):
    """What became of a tick, or of a range of ticks that were missed."""

    id: str
    at: Instant
    kind: str
    tick: Instant | None
    first: Instant | None
    count: int | None
    outcome: str
    reason: str
    job: str | None
    job_outcome: str | None
    by: str
    late: float | None = Field(description="Seconds.")


class HistoryView(View):
    """What became of the last ticks, newest first."""

    entries: list[TickView]


class PreviewView(View):
    """What a definition would do."""

    words: str
    ticks: list[Instant]


class BackfillingView(View):
    """A backfill that has begun."""

    ticks: int | None = Field(description="How many it will enqueue; null when they are too many to count.")


class SchedulesQuery(Query):
    """Which page."""

    cursor: str = Field("", max_length=64)
    limit: int = Field(50, ge=1, le=100)


class HistoryQuery(Query):
    """How much."""

    limit: int = Field(20, ge=1, le=200)


Seconds = Annotated[float, Field(ge=0, le=3660 * 86400)]


class ScheduleChanges(Input):
    """What may be said of a schedule; a new rule (every, cron or at) takes the place of the old one."""

    model_config = example(every=1800, description="Twice an hour.")

    task: str | None = Field(None, min_length=1, max_length=200)
    args: dict[str, JsonValue] | None = None
    every: Seconds | None = Field(None, description="Seconds between ticks.", examples=[3600])
    phase: Seconds | None = Field(None, description="Seconds by which the ticks of `every` are shifted.")
    cron: str | None = Field(None, max_length=200, examples=["0 17 * * mon-fri"])
    at: InputTime | None = Field(None, description="One tick only.")
    timezone: str | None = Field(None, max_length=64, examples=["Europe/Berlin"])
    queue: QueueName | None = None
    overlap: Literal["skip", "allow", "queue_one", "replace"] | None = Field(
        None, description="What happens to a tick while the job of an earlier one is active."
    )
    max_overlap: Seconds | None = Field(None, description="Seconds after which an active job no longer counts.")
    catchup: Literal["latest", "skip", "all"] | None = Field(None, description="Which late ticks still run.")
    window: Seconds | None = Field(None, description="Seconds that a tick may be late to still run.")
    max: Annotated[int, Field(ge=1, le=10_000), WHOLE] | None = Field(None, description="Most late ticks to run.")
    jitter: Annotated[float, Field(ge=0, le=3600)] | None = Field(None, description="Seconds.")
    enabled: bool | None = None
    description: str | None = Field(None, max_length=500)
    pause_after: Annotated[int, Field(ge=1, le=1000), WHOLE] | None = Field(
        None, description="Failed jobs in a row that pause it."
    )


class NewPreview(ScheduleChanges):
    """A definition to be looked at."""

    model_config = example(task="maintenance.check", cron="0 17 * * mon-fri", timezone="Europe/Berlin")

    task: str = Field(min_length=1, max_length=200)


class NewSchedule(NewPreview):
    """A schedule to be made; exactly one of every, cron and at."""

    model_config = example(
        id="checks.evening", task="maintenance.check", cron="0 17 * * mon-fri", timezone="Europe/Berlin"
    )

    id: str = Field(pattern=r"^[A-Za-z0-9_]+([.-][A-Za-z0-9_]+)*$", max_length=64, examples=["reports.hourly"])


class NewResumption(Input):
    """How to go on."""

    catch_up: bool = Field(False, description="Treat what was kept back as late ticks instead of missed ones.")


class NewBackfill(Input):
    """Which ticks to run again."""

    start: InputTime
    end: InputTime
    per_minute: Annotated[float, Field(ge=0.01, le=6_000)] = Field(60.0, description="How fast.")
