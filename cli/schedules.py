"""`bin/jobs schedules`: what runs when, and the acts of a person on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

import tasks  # noqa: F401 - a schedule is checked against its task
from cli import complete, words
from cli.actor import actor
from cli.commands import Group
from cli.output import Cell, emitted, facts, note, plain, say, show, show_list, state, table
from cli.places import File
from cli.shapes import Shape, schedule_shape
from jobs import schedules as core
from jobs.schedules import ScheduleView, TickView

schedule_id = click.argument("schedule_id", metavar="SCHEDULE", shell_complete=complete.schedule_ids)


@click.group(cls=Group)
def schedules() -> None:
    """See and steer the schedules. Every change is noted in the audit log."""


@schedules.command(examples=["schedules ls"])
def ls() -> None:
    """List the schedules with their next and last tick."""
    found = core.list_schedules()
    if not emitted({"schedules": [schedule_shape(view) for view in found]}):
        columns = ["schedule", "when~", "next", "last?", "state~"]
        nothing = "No schedule is known: the clock learns of those in tasks/schedules.py when it starts."
        show_list(table(columns, [_row(view) for view in found]), nothing)


@schedules.command("show", examples=["schedules show maintenance.digest"])
@schedule_id
@click.option("-n", "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="Ticks of the past.")
def show_schedule(schedule_id: str, limit: int) -> None:
    """Show a schedule: its definition, its next ticks and what became of the last ones."""
    view, ticks = core.get_schedule(schedule_id), core.history(schedule_id, limit)
    if emitted(schedule_shape(view) | {"history": plain(ticks)}):
        return
    say(f"{view.id}: {view.words}. {view.description}".rstrip())
    written = view.definition.model_dump_json(exclude_defaults=True) if view.definition else view.problem
    upcoming = "\n".join(_time(tick) for tick in view.next_ticks) or "nothing"
    source = f"{view.source or 'nobody'}, revision {view.revision}"
    show(facts({"state": state(_state(view)), "from": source, "definition": written, "next": upcoming}))
    say()
    columns = ["decided", "tick?", "outcome", "job", "reason~"]
    show_list(table(columns, [_entry(tick) for tick in ticks]), "None of its ticks was decided yet.")


@schedules.command(examples=["schedules status || echo 'look at the clock'"])
def status() -> None:
    """Say who leads, and whether ticks are overdue; exit code 1 when the clock is not well."""
    seen = core.clock_status()
    if not emitted(plain(seen) | {"ok": seen.ok}):
        say(f"Leader: {seen.leader or 'none'}; clocks: {', '.join(seen.clocks) or 'none'}.")
        say(f"{words.many(seen.schedules, 'schedule')}, {seen.overdue} overdue, the worst by {words.span(seen.worst)}.")
        for reason in seen.problems.values():
            note(f"Wrong: {reason}")
    raise SystemExit(0 if seen.ok else 1)


@schedules.command(examples=["schedules preview 0 17 '*' '*' mon-fri --timezone Europe/Berlin"])
@click.argument("rule", nargs=-1, required=True)
@click.option("--timezone", default=None, help="IANA name, such as Europe/Berlin.")
@click.option("--count", default=6, show_default=True, type=click.IntRange(1, 100))
def preview(rule: Sequence[str], timezone: str | None, count: int) -> None:
    """Say what a crontab line means, in words and dates."""
    fields = {"timezone": timezone} if timezone else {}
    seen = core.preview({"cron": " ".join(rule), **fields}, count)
    if not emitted({"words": seen.words, "ticks": seen.ticks}):
        say(seen.words)
        for tick in seen.ticks:
            say(f"  {tick:%A %d %B %Y, %H:%M:%S %Z}")


@schedules.command(examples=["schedules create hourly.json"])
@click.argument("definition", type=File())
def create(definition: Any) -> None:
    """Make a schedule from a JSON file such as {"id": "hourly", "task": "maintenance.check", "every": 3600}.

    - reads it from stdin; docs/schedules.md explains every field.
    """
    view = core.create(_json(definition.read()), actor=actor())
    _done(schedule_shape(view), f"Created {view.id}: {view.words}.")


@schedules.command(examples=["""schedules edit hourly '{"cron": "0 3 * * *"}'"""])
@schedule_id
@click.argument("changes")
@click.option("--revision", type=int, help="Only if this is the present revision.")
def edit(schedule_id: str, changes: str, revision: int | None) -> None:
    """Change fields, given as JSON; a new rule takes the place of the old one."""
    view = core.edit(schedule_id, _json(changes), actor=actor(), revision=revision)
    _done(schedule_shape(view), f"{view.id} is at revision {view.revision}: {view.words}.")


@schedules.command(examples=["schedules remove hourly"])
@schedule_id
def remove(schedule_id: str) -> None:
    """Delete a schedule that the code does not declare."""
    core.remove(schedule_id, actor=actor())
    _done({"id": schedule_id, "removed": True}, f"Removed {schedule_id}.")


@schedules.command(examples=["schedules pause hourly --note 'until the move is over'"])
@schedule_id
@click.option("--note", default="", help="Why; shown wherever the schedule is.")
def pause(schedule_id: str, note: str) -> None:
    """Keep back the ticks of a schedule."""
    core.pause(schedule_id, note=note, actor=actor())
    _done(schedule_shape(core.get_schedule(schedule_id)), f"Paused {schedule_id}.")


@schedules.command(examples=["schedules resume hourly --catch-up"])
@schedule_id
@click.option("--catch-up", is_flag=True, help="Decide what was kept back as late ticks, instead of missing it.")
def resume(schedule_id: str, catch_up: bool) -> None:
    """End a pause."""
    core.resume(schedule_id, actor=actor(), catch_up=catch_up)
    _done(schedule_shape(core.get_schedule(schedule_id)), f"Resumed {schedule_id}.")


@schedules.command(examples=["schedules run maintenance.digest"])
@schedule_id
@click.option("--key", default=None, help="The same key never enqueues a second job.")
def run(schedule_id: str, key: str | None) -> None:
    """Enqueue the job of a schedule now, and print its id."""
    job_id = core.run_now(schedule_id, actor=actor(), key=key)
    _done({"schedule": schedule_id, "job": job_id}, job_id)


@schedules.command(examples=["schedules backfill hourly --from 2026-11-01 --to 2026-11-02T12:00 --per-minute 10"])
@schedule_id
@click.option("--from", "start", required=True, type=words.Moment(), help="In TIMEZONE unless it has an offset.")
@click.option("--to", "end", required=True, type=words.Moment(), help="In TIMEZONE unless it has an offset.")
@click.option("--per-minute", default=60.0, show_default=True, type=float)
def backfill(schedule_id: str, start: datetime, end: datetime, per_minute: float) -> None:
    """Enqueue the jobs of the ticks of a past range, once more."""
    count = core.backfill(schedule_id, start, end, actor=actor(), per_minute=per_minute)
    _done({"schedule": schedule_id, "ticks": count}, f"Begun: {'many' if count is None else count} ticks.")


@schedules.command("end-backfill", examples=["schedules end-backfill hourly"])
@schedule_id
def end_backfill(schedule_id: str) -> None:
    """Stop a backfill; what it has enqueued stays."""
    core.end_backfill(schedule_id, actor=actor())
    _done({"schedule": schedule_id, "ticks": 0}, f"No backfill of {schedule_id} is under way.")


def _done(shape: Shape, sentence: str) -> None:
    if not emitted(shape):
        say(sentence)


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.ClickException(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise click.ClickException('a JSON object is needed, such as {"cron": "0 3 * * *"}')
    return value


def _row(view: ScheduleView) -> list[Cell]:
    last = f"{_time(view.last_tick)} {view.last_outcome}" if view.last_tick else ""
    return [view.id, view.words, _time(view.next_ticks[0]) if view.next_ticks else "", last, state(_state(view))]


def _state(view: ScheduleView) -> str:
    if view.problem:
        return f"wrong: {view.problem}"
    if view.retired:
        return "no longer in the code"
    if view.paused:
        return f"paused: {view.note}" if view.note else "paused"
    return "on" if view.enabled else "disabled"


def _entry(tick: TickView) -> list[Cell]:
    outcome = f"{tick.outcome or tick.kind} {tick.job_outcome or ''}".strip()
    return [_time(tick.at), _time(tick.tick) if tick.tick else "", outcome, tick.job or "", tick.reason]


def _time(moment: datetime) -> str:
    """On the wall clock it came with: that of the schedule."""
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
