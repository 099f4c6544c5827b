"""`every`, `cron` and `once`, as `tasks/schedules.py` writes them.

A wrong schedule does not stop the file: its reason is kept beside the good ones, and the clock tells it at start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypedDict, TypeVar, Unpack, overload

from .. import registry
from ..errors import ScheduleDefinitionError, UnknownTask
from . import rules
from .definitions import CatchUp, Definition, Overlap, define

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]
Length = float | timedelta


class Common(TypedDict, total=False):
    """What every kind of schedule takes; `name` defaults to the task's."""

    name: str
    args: Mapping[str, Any]
    timezone: str
    queue: str
    overlap: Overlap
    max_overlap: Length
    catchup: CatchUp
    window: Length
    max: int
    jitter: Length
    enabled: bool
    description: str
    pause_after: int


class Fields(TypedDict, total=False):
    """The article's keywords for `cron`."""

    month: str | int
    day: str | int
    day_of_week: str
    hour: str | int
    minute: str | int
    second: str | int


class CronOptions(Common, Fields):
    """All keywords of `cron`."""


class EveryOptions(Common, total=False):
    """All keywords of `every`; the interval is the sum of its parts, and `phase` moves it against 1970-01-01 UTC."""

    weeks: float
    days: float
    hours: float
    minutes: float
    seconds: float
    phase: Length


@dataclass(slots=True)
class Timetable:
    """The schedules of the code by name, and what is wrong with the others."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def add(self, task: str, name: str, rule: Callable[[], Mapping[str, Any]], options: Mapping[str, Any]) -> None:
        """Check one schedule and keep it, or the reason why not."""
        try:
            definition = define(**{"id": name, "task": task, **rule(), **options})
            if name in self.definitions:
                raise ScheduleDefinitionError(f"schedule {name!r}: two have this name; give one another by name=")
            self.definitions[name] = definition
        except ScheduleDefinitionError as error:
            self.problems[name] = str(error)
        except (ValueError, TypeError) as error:
            self.problems[name] = f"schedule {name!r}: {error}"


class _Current:
    timetable = Timetable()


def timetable() -> Timetable:
    """What has been declared in this process."""
    return _Current.timetable


@contextmanager
def empty_timetable() -> Iterator[Timetable]:
    """Declare into an empty timetable, then go back to the one before: for tests."""
    before, _Current.timetable = _Current.timetable, Timetable()
    try:
        yield _Current.timetable
    finally:
        _Current.timetable = before


@overload
def every(function: Function, /, **options: Unpack[EveryOptions]) -> Function: ...
@overload
def every(**options: Unpack[EveryOptions]) -> Decorator: ...  # type: ignore[type-arg]
def every(function: Function | None = None, /, **options: Unpack[EveryOptions]) -> Any:
    """Enqueue a task at fixed intervals: `every(task, minutes=5)`, or as a decorator above a task.

    Intervals are counted from 1970-01-01 00:00 UTC plus `phase`, so `hours=6` is at 0, 6, 12 and 18 o'clock UTC.
    """
    given: dict[str, Any] = dict(options)
    parts = {unit: given.pop(unit) for unit in ("weeks", "days", "hours", "minutes", "seconds") if unit in given}
    return _declare(function, given, lambda: {"every": timedelta(**parts)})


@overload
def cron(function: Function, crontab: str | None = None, /, **options: Unpack[CronOptions]) -> Function: ...
@overload
def cron(crontab: str | None = None, /, **options: Unpack[CronOptions]) -> Decorator: ...  # type: ignore[type-arg]
def cron(first: Any = None, second: str | None = None, /, **options: Unpack[CronOptions]) -> Any:
    """Enqueue a task by the wall clock: `cron(task, "0 17 * * mon-fri", timezone="Europe/Berlin")`.

    The article's keywords say the same: `cron(task, day_of_week="mon-fri", hour=17)`. Without a task it is a decorator.
    """
    function, crontab = (first, second) if callable(first) else (None, first)
    given: dict[str, Any] = dict(options)
    fields = {name: given.pop(name) for name in Fields.__annotations__ if name in given}
    return _declare(function, given, lambda: {"cron": _crontab(crontab, fields)})


@overload
def once(function: Function, at: datetime | str, /, **options: Unpack[Common]) -> Function: ...
@overload
def once(at: datetime | str, /, **options: Unpack[Common]) -> Decorator: ...  # type: ignore[type-arg]
def once(first: Any, second: datetime | str | None = None, /, **options: Unpack[Common]) -> Any:
    """Enqueue a task at one instant: `once(task, "2026-12-24T18:00", timezone="Europe/Berlin")`.

    A time without an offset is one on the wall clock of `timezone`.
    """
    function, at = (first, second) if callable(first) else (None, first)
    return _declare(function, dict(options), lambda: {"at": at})


def _declare(function: Callable[..., Any] | None, options: dict[str, Any], rule: Callable[[], dict[str, Any]]) -> Any:
    name = options.pop("name", None)

    def add(decorated: Callable[..., Any]) -> Callable[..., Any]:
        task = _task_of(decorated)
        timetable().add(task, str(name or task), rule, options)
        return decorated

    return add if function is None else add(function)


def _task_of(function: Callable[..., Any]) -> str:
    """The name of a function's task; that of the function itself when it is none, which is told later."""
    try:
        return registry.task_of(function).name
    except UnknownTask as error:
        return error.name


def _crontab(text: str | None, fields: Mapping[str, str | int]) -> str:
    if (text is None) == (not fields):
        raise ValueError("cron needs either a crontab line or keywords such as hour=17")
    return rules.crontab_of(fields) if text is None else text
