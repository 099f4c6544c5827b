"""What a schedule is: its rule, its task and what happens when a tick is late or the last job still runs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from .. import registry
from ..errors import InvalidArguments, Problem, ScheduleDefinitionError, ScheduleMissing, UnknownTask
from . import rules
from .rules import Cron, Every, Once, Rule

_ID = re.compile(r"[A-Za-z0-9_]+([.-][A-Za-z0-9_]+)*")
_YEARS = 3_660 * 86_400.0


_zones = cache(available_timezones)  # the library walks through its folder at every call


def _in_seconds(value: object) -> object:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _spelled(value: object) -> object:
    return re.sub(r"[ -]", "_", value) if isinstance(value, str) else value


Seconds = Annotated[float, BeforeValidator(_in_seconds), Field(ge=0, le=_YEARS, allow_inf_nan=False)]
Overlap = Literal["skip", "allow", "queue_one", "replace"]
CatchUp = Literal["latest", "skip", "all"]


class Definition(BaseModel):
    """A schedule as it is written down. Lengths of time are seconds; exactly one of `every`, `cron` and `at` is set.

    `overlap` says what happens to a tick while the job of an earlier one is active, and `max_overlap` how old that job
    may be before it no longer counts. `catchup` says which late ticks still run, within `window` and at most `max`.
    `jitter` delays each tick by a part of itself that is always the same for the same tick. `pause_after` is the number
    of failed jobs in a row that pauses the schedule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: str = Field(max_length=64)
    task: str
    args: dict[str, Any] = Field(default_factory=dict)
    every: Seconds | None = None
    phase: Seconds = 0.0
    cron: str | None = None
    at: datetime | None = None
    timezone: str = "UTC"
    queue: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    overlap: Annotated[Overlap, BeforeValidator(_spelled)] = "skip"
    max_overlap: Seconds = 86_400.0
    catchup: CatchUp = "latest"
    window: Seconds = 86_400.0
    max: int = Field(100, ge=1, le=10_000)
    jitter: Annotated[Seconds, Field(le=3600)] = 0.0
    enabled: bool = True
    description: str = Field("", max_length=500)
    pause_after: int | None = Field(None, ge=1, le=1_000)

    @field_validator("id")
    @classmethod
    def _name(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            raise ValueError("must be words of letters, digits and '_', joined by single '.' or '-'")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in _zones():
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Berlin")
        return value

    @field_validator("cron")
    @classmethod
    def _crontab(cls, value: str | None) -> str | None:
        return None if value is None else rules.crontab(value)

    @model_validator(mode="after")
    def _one_rule(self) -> Definition:
        if [self.every, self.cron, self.at].count(None) != 2:
            raise ValueError("needs exactly one of every, cron and at")
        if isinstance(self.rule, Every) and self.jitter * 1000 >= self.rule.period:
            raise ValueError("jitter must be shorter than the interval")
        return self

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone in which times are meant and shown."""
        return ZoneInfo(self.timezone)

    @cached_property
    def rule(self) -> Rule:
        """When it fires."""
        if self.cron is not None:
            return Cron(self.cron, self.zone)
        if self.at is not None:
            return Once(rules.milliseconds(self.at.replace(tzinfo=self.at.tzinfo or self.zone)))
        return Every(rules.period(self.every or 0), rules.period(self.phase))

    @property
    def kind(self) -> str:
        """`every`, `cron` or `once`."""
        return type(self.rule).__name__.lower()

    def due(self, tick: int) -> int:
        """When a tick is to be decided: its time, and its jitter, which a hash of its name fixes for every clock."""
        spread = rules.period(self.jitter)
        if spread == 0:
            return tick
        digest = hashlib.blake2b(f"{self.id}:{tick}".encode(), digest_size=8).digest()
        return tick + int.from_bytes(digest) % spread

    def job_id(self, tick: int | str) -> str:
        """The id of a tick's job; RQ allows no dots, and a doubled '-' keeps `a.b` apart from `a-b`."""
        return f"{self.id.replace('.', '--')}-{tick}"

    def local(self, tick: int) -> datetime:
        """A tick on the wall clock of the schedule."""
        return datetime.fromtimestamp(tick / 1000, UTC).astimezone(self.zone)

    def text(self) -> str:
        """The stored form: JSON, without what has its default."""
        return self.model_dump_json(exclude_defaults=True)


def require_id(schedule_id: str) -> None:
    """Raise ScheduleMissing for what no schedule can be named: a colon would name another key, such as a history."""
    if not _ID.fullmatch(schedule_id):
        raise ScheduleMissing(schedule_id)


def define(**fields: Any) -> Definition:
    """A checked definition; raises ScheduleDefinitionError with the schedule's name and every reason."""
    return _with_checked_args(sketch(**fields))


def sketch(**fields: Any) -> Definition:
    """A definition whose task and arguments are not checked; raises ScheduleDefinitionError."""
    try:
        return Definition(**fields)
    except ValidationError as error:
        name = str(fields.get("id") or "without a name")
        raise ScheduleDefinitionError(f"schedule {name!r}: {_reasons(error)}") from None


def read(text: str | bytes) -> Definition:
    """A stored definition; fields that only a newer release knows are left out. Raises ValueError when corrupt."""
    try:
        return Definition.model_validate_json(text)
    except ValidationError as error:
        if any(problem["type"] != "extra_forbidden" for problem in error.errors()):
            raise
        return Definition.model_validate_json(text, extra="ignore")


def changed(definition: Definition, changes: Mapping[str, Any]) -> Definition:
    """A definition with some fields replaced; a new rule takes the place of the old one."""
    fields = definition.model_dump(exclude_defaults=True)
    if {"every", "cron", "at"} & {name for name, value in changes.items() if value is not None}:
        fields = {name: value for name, value in fields.items() if name not in {"every", "phase", "cron", "at"}}
    return define(**(fields | dict(changes) | {"id": definition.id}))


def in_zone(definition: Definition, name: str) -> Definition:
    """A definition that names no time zone, put into this one."""
    if "timezone" in definition.model_fields_set:
        return definition
    return Definition(**definition.model_dump(exclude_defaults=True), timezone=name)


def _with_checked_args(definition: Definition) -> Definition:
    try:
        args = registry.find(definition.task).validate(definition.args)
    except (UnknownTask, InvalidArguments) as error:
        raise ScheduleDefinitionError(f"schedule {definition.id!r}: {error}") from None
    return definition.model_copy(update={"args": args})


def _reasons(error: ValidationError) -> str:
    return "; ".join(_reason(Problem("/".join(map(str, item["loc"])), item["msg"])) for item in error.errors())


def _reason(problem: Problem) -> str:
    message = problem.message.removeprefix("Value error, ")
    return f"{problem.pointer}: {message}" if problem.pointer else message
