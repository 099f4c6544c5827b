"""What pages, API and command line see of schedules and of the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .definitions import Definition


@dataclass(frozen=True, slots=True)
class BackfillView:
    """A backfill under way: the last tick it has reached, where it ends, and how many jobs it has enqueued."""

    position: datetime
    end: datetime
    enqueued: int
    actor: str


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """One schedule as it was when it was read.

    `kind` is every, cron or once; `spec` the rule as written, `words` in plain words. `next_ticks` are on the wall
    clock of its time zone, and empty while it is paused or disabled. `last_outcome` is enqueued, waiting, skipped or
    missed, `last_job` the job enqueued last. `retired` says that the code no longer declares it; `problem` why what the
    code declares now is not valid.
    """

    id: str
    kind: str = ""
    spec: str = ""
    words: str = ""
    timezone: str = ""
    task: str = ""
    args: dict[str, Any] = field(default_factory=dict)
    queue: str | None = None
    description: str = ""
    enabled: bool = False
    retired: bool = False
    paused: bool = False
    note: str = ""
    source: str = ""
    revision: int = 0
    next_ticks: tuple[datetime, ...] = ()
    last_tick: datetime | None = None
    last_job: str | None = None
    last_outcome: str | None = None
    waiting: datetime | None = None
    failures: int = 0
    backfill: BackfillView | None = None
    problem: str = ""
    definition: Definition | None = None


@dataclass(frozen=True, slots=True)
class ClockStatus:
    """The clock as Redis alone shows it, so that a dead one is seen although it cannot speak.

    `lease_age` is seconds since the leader last renewed its lease; `overdue` counts the schedules with a tick that
    should have been decided, `worst` is seconds since the oldest of them was due. `problems` are wrong declarations.
    """

    leader: str | None
    release: str | None
    lease_age: float | None
    clocks: tuple[str, ...]
    schedules: int
    overdue: int
    worst: float
    problems: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether a clock leads and no tick is overdue."""
        return self.leader is not None and self.overdue == 0
