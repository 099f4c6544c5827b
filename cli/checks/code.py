"""Tasks and schedules: whether they can be imported, described and run."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cli.checks.findings import Finding, advice, problem
from jobs import registry, schedules
from jobs.errors import InvalidArguments, ScheduleDefinitionError, UnknownTask
from jobs.registry import Task
from jobs.schedules import Definition
from jobs.schedules.declaring import timetable
from jobs.schedules.definitions import in_zone
from jobs.schedules.words import in_words

_TICKS = 3


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule and when it fires next."""

    schedule: str
    task: str
    queue: str
    words: str
    next_ticks: list[datetime]


def of_imports() -> Iterator[Finding]:
    """The user's modules, imported for the first time in this process."""
    for module in ("tasks", "tasks.schedules"):
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever a user's module may raise while it is being imported
            yield problem(module, f"cannot be imported: {type(error).__name__}: {error}")
            return


def of_tasks() -> Iterator[Finding]:
    """Every task's schema, as the API and the dashboard will ask for it."""
    yield from (found for task in registry.all_tasks() if (found := _of_task(task)))


def of_timetable() -> Iterator[Finding]:
    """The schedules that the code declares."""
    yield from (problem(f"schedule {name}", reason) for name, reason in timetable().problems.items())


def of_made_at_run_time() -> Iterator[Finding]:
    """Schedules that people made, against the tasks of this release. Raises RedisUnavailable."""
    for view in schedules.list_schedules():
        if view.source == "runtime" and view.definition is not None and (reason := _unfit(view.definition)):
            yield problem(f"schedule {view.id}", f"{reason}; it was made at run time: edit or remove it")


def planned(zone: str, now: datetime) -> list[Planned]:
    """The schedules of the code with their next ticks."""
    definitions = [in_zone(definition, zone) for definition in timetable().definitions.values()]
    return [_plan(definition, now) for definition in sorted(definitions, key=lambda found: found.id)]


def of_plans(plans: Sequence[Planned]) -> Iterator[Finding]:
    """Schedules that are over."""
    for plan in plans:
        if not plan.next_ticks:
            yield advice(f"schedule {plan.schedule}", "never fires again; remove it from tasks/schedules.py")


def wanted_queues(plans: Sequence[Planned]) -> dict[str, list[str]]:
    """The queues that the tasks and schedules of the code use, and who uses them."""
    tasks = [(task.queue, f"task {task.name}") for task in registry.all_tasks()]
    return _by_queue([*tasks, *((plan.queue, f"schedule {plan.schedule}") for plan in plans)])


def queues_wanted_at_run_time() -> dict[str, list[str]]:
    """Those that schedules name which people made. Raises RedisUnavailable."""
    views = [view for view in schedules.list_schedules() if view.source == "runtime"]
    return _by_queue([(view.queue, f"schedule {view.id}") for view in views if view.queue])


def _by_queue(uses: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for queue, user in uses:
        wanted.setdefault(queue, []).append(user)
    return wanted


def _of_task(task: Task) -> Finding | None:
    try:
        json.dumps(task.schema(), allow_nan=False)
    except Exception as error:  # pydantic and json have several for it
        return problem(f"task {task.name}", f"its arguments have no JSON Schema: {str(error).splitlines()[0]}")
    return None


def _unfit(definition: Definition) -> str:
    try:
        registry.find(definition.task).validate(definition.args)
    except UnknownTask as error:
        return f"no task is named {error.name!r} in this release"
    except (InvalidArguments, ScheduleDefinitionError) as error:
        return str(error)
    return ""


def _plan(definition: Definition, now: datetime) -> Planned:
    ticks = schedules.next_ticks(definition, _TICKS, now) if definition.enabled else []
    queue = definition.queue or registry.find(definition.task).queue
    return Planned(definition.id, definition.task, queue, in_words(definition), ticks)
