"""`bin/jobs schedules`: what runs when, and the acts of a person on it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

import tasks  # noqa: F401 - a schedule is checked against its task
from jobs import schedules as core
from jobs.errors import NightshiftError
from jobs.schedules import ScheduleView, TickView

_TIMES = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%d"]
_NARROW = {"schedule", "next", "decided", "tick"}
schedule_id = click.argument("schedule_id", metavar="SCHEDULE")


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except NightshiftError as error:
        raise click.ClickException(str(error)) from None


def _actor() -> str:
    return f"{getpass.getuser()} (command line)"


@click.group()
def schedules() -> None:
    """See and steer the schedules. Every change is noted in the audit log."""


@schedules.command("list")
def list_() -> None:
    """All schedules with their next and last tick."""
    with _said_plainly():
        _print(["schedule", "when", "next", "last", "state"], [_row(view) for view in core.list_schedules()])


@schedules.command()
@schedule_id
def show(schedule_id: str) -> None:
    """One schedule: its definition, its next ticks and what became of the last ones."""
    with _said_plainly():
        view, ticks = core.get_schedule(schedule_id), core.history(schedule_id)
    click.echo(f"{view.id}: {view.words}. {view.description}".rstrip())
    click.echo(f"State: {_state(view)}. Revision {view.revision}, from {view.source}.")
    click.echo(view.definition.model_dump_json(indent=2, exclude_defaults=True) if view.definition else view.problem)
    click.echo("Next: " + (", ".join(_time(tick) for tick in view.next_ticks) or "nothing"))
    _print(["decided", "tick", "outcome", "job", "reason"], [_entry(tick) for tick in ticks])


@schedules.command()
def status() -> None:
    """Who leads, and whether ticks are overdue; exit code 1 when the clock is not well."""
    with _said_plainly():
        seen = core.clock_status()
    click.echo(f"Leader: {seen.leader or 'none'}; clocks: {', '.join(seen.clocks) or 'none'}.")
    click.echo(f"{seen.schedules} schedules, {seen.overdue} overdue, the worst by {seen.worst:.1f} s.")
    for reason in seen.problems.values():
        click.echo(f"Wrong: {reason}", err=True)
    raise SystemExit(0 if seen.ok else 1)


@schedules.command()
@click.argument("rule", nargs=-1, required=True)
@click.option("--timezone", default=None, help="IANA name, such as Europe/Berlin.")
@click.option("--count", default=6, show_default=True, type=click.IntRange(1, 100))
def preview(rule: Sequence[str], timezone: str | None, count: int) -> None:
    """Say what a crontab line means: preview 0 17 '*' '*' mon-fri."""
    fields = {"timezone": timezone} if timezone else {}
    with _said_plainly():
        seen = core.preview({"cron": " ".join(rule), **fields}, count)
    click.echo(seen.words)
    for tick in seen.ticks:
        click.echo(f"  {tick:%A %d %B %Y, %H:%M:%S %Z}")


@schedules.command()
@click.argument("definition", type=click.File())
def create(definition: Any) -> None:
    """Make a schedule from a JSON file (- for standard input)."""
    with _said_plainly():
        click.echo(f"Created {core.create(_json(definition.read()), actor=_actor()).id}.")


@schedules.command()
@schedule_id
@click.argument("changes")
def edit(schedule_id: str, changes: str) -> None:
    """Change fields, given as JSON: edit nightly '{"cron": "0 3 * * *"}'."""
    with _said_plainly():
        view = core.edit(schedule_id, _json(changes), actor=_actor())
    click.echo(f"{view.id} is at revision {view.revision}: {view.words}.")


@schedules.command()
@schedule_id
def remove(schedule_id: str) -> None:
    """Delete a schedule that the code does not declare."""
    with _said_plainly():
        core.remove(schedule_id, actor=_actor())
    click.echo(f"Removed {schedule_id}.")


@schedules.command()
@schedule_id
@click.option("--note", default="", help="Why; shown wherever the schedule is.")
def pause(schedule_id: str, note: str) -> None:
    """Keep back the ticks of a schedule."""
    with _said_plainly():
        core.pause(schedule_id, note=note, actor=_actor())
    click.echo(f"Paused {schedule_id}.")


@schedules.command()
@schedule_id
@click.option("--catch-up", is_flag=True, help="Decide what was kept back as late ticks, instead of missing it.")
def resume(schedule_id: str, catch_up: bool) -> None:
    """End a pause."""
    with _said_plainly():
        core.resume(schedule_id, actor=_actor(), catch_up=catch_up)
    click.echo(f"Resumed {schedule_id}.")


@schedules.command()
@schedule_id
@click.option("--key", default=None, help="The same key never enqueues a second job.")
def run(schedule_id: str, key: str | None) -> None:
    """Enqueue the job of a schedule now."""
    with _said_plainly():
        click.echo(core.run_now(schedule_id, actor=_actor(), key=key))


@schedules.command()
@schedule_id
@click.option("--from", "start", required=True, type=click.DateTime(_TIMES), help="UTC unless it has an offset.")
@click.option("--to", "end", required=True, type=click.DateTime(_TIMES), help="UTC unless it has an offset.")
@click.option("--per-minute", default=60.0, show_default=True, type=float)
def backfill(schedule_id: str, start: datetime, end: datetime, per_minute: float) -> None:
    """Enqueue the jobs of the ticks of a past range, once more."""
    first, last = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (start, end))
    with _said_plainly():
        count = core.backfill(schedule_id, first, last, actor=_actor(), per_minute=per_minute)
    click.echo(f"Begun: {'many' if count is None else count} ticks.")


@schedules.command("end-backfill")
@schedule_id
def end_backfill(schedule_id: str) -> None:
    """Stop a backfill; what it has enqueued stays."""
    with _said_plainly():
        core.end_backfill(schedule_id, actor=_actor())
    click.echo(f"No backfill of {schedule_id} is under way.")


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.ClickException(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise click.ClickException('a JSON object is needed, such as {"cron": "0 3 * * *"}')
    return value


def _row(view: ScheduleView) -> list[str]:
    last = f"{_time(view.last_tick)} {view.last_outcome}" if view.last_tick else ""
    return [view.id, view.words, _time(view.next_ticks[0]) if view.next_ticks else "", last, _state(view)]


def _state(view: ScheduleView) -> str:
    if view.problem:
        return f"wrong: {view.problem}"
    if view.retired:
        return "no longer in the code"
    if view.paused:
        return f"paused: {view.note}" if view.note else "paused"
    return "on" if view.enabled else "disabled"


def _entry(tick: TickView) -> list[str]:
    outcome = f"{tick.outcome or tick.kind} {tick.job_outcome or ''}".strip()
    return [_time(tick.at), _time(tick.tick) if tick.tick else "", outcome, tick.job or "", tick.reason]


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"


def _print(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=name in _NARROW, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
