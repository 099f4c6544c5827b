"""`bin/jobs webhook`: who is told what happens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click
from rich.text import Text

from cli import complete, words
from cli.acting import confirm
from cli.actor import actor
from cli.commands import Group, as_json
from cli.output import Cell, emit, emitted, facts, note, plain, say, show, show_list, table
from jobs import webhooks as core
from jobs.webhooks import Delivery, Event, Webhook

_PATTERN = re.compile(r"[a-z0-9_.*]{1,100}")
_EVENTS = click.Choice([event.value for event in Event])

_id = click.argument("webhook_id", metavar="WEBHOOK", shell_complete=complete.webhook_ids)


@click.group(cls=Group)
def webhook() -> None:
    """Tell other services what happens to jobs and schedules."""


@webhook.command(examples=["webhook ls"])
def ls() -> None:
    """List the webhooks, without their secrets."""
    found = core.all_webhooks()
    if not emitted({"webhooks": found}):
        columns = ["id", "state", "address~", "events~", "tasks~?", "made?"]
        nothing = "No webhook was made yet: bin/jobs webhook add --help"
        show_list(table(columns, [_row(one) for one in found]), nothing)


@webhook.command(examples=["webhook add https://shop.example.com/hook --event job.dead --task 'mail.*'"])
@click.argument("url")
@click.option("--event", "events", type=_EVENTS, multiple=True, required=True, help="What it is told of.")
@click.option("--task", "tasks", multiple=True, default=["*"], help="Patterns of the tasks it hears of.")
@click.option("--description", default="", help="What it is for.")
@click.option("--traceback", is_flag=True, help="Send tracebacks, too.")
def add(url: str, events: Sequence[str], tasks: Sequence[str], description: str, traceback: bool) -> None:
    """Make a webhook. Its secret goes to stdout and is never shown again."""
    _check(tasks)
    told = [Event(event) for event in dict.fromkeys(events)]
    made, secret = core.create(url, told, by=actor(), tasks=tasks, description=description[:200], traceback=traceback)
    if as_json():
        emit(plain(made) | {"secret": secret})
        return
    note(f"Made {made.id}. The receiver verifies signatures with this secret, which is shown only now:")
    say(secret)


@webhook.command("show", examples=["webhook show wh_0123456789abcdef"])
@_id
def show_one(webhook_id: str) -> None:
    """Show a webhook and how its last deliveries went."""
    found, last = core.get(webhook_id), core.list_deliveries(webhook_id, limit=10)
    if not emitted(plain(found) | {"deliveries": last}):
        show(facts(_facts(found)), "", _table(last))


@webhook.command(
    examples=["webhook edit wh_0123456789abcdef --off", "webhook edit wh_0123456789abcdef --event job.dead"]
)
@_id
@click.option("--url", help="The address.")
@click.option("--event", "events", type=_EVENTS, multiple=True, help="What it is told of, instead of before.")
@click.option("--task", "tasks", multiple=True, help="Patterns of the tasks it hears of, instead of before.")
@click.option("--on/--off", "active", default=None, help="Switch it on or off.")
def edit(webhook_id: str, **given: Any) -> None:
    """Change a webhook."""
    _check(given["tasks"])
    changes = {name: value for name, value in given.items() if value not in (None, ())}
    changed = core.change(webhook_id, changes, by=actor()) if changes else core.get(webhook_id)
    if not emitted(changed):
        say(f"Changed {webhook_id}.")


@webhook.command(examples=["webhook delete wh_0123456789abcdef --yes"])
@_id
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(webhook_id: str, yes: bool) -> None:
    """Remove a webhook; what is still on its way is not sent."""
    found = core.get(webhook_id)
    confirm(f"Remove the webhook to {found.url}?", yes=yes)
    core.delete(webhook_id, by=actor())
    if not emitted({"id": webhook_id, "removed": True}):
        say(f"Removed {webhook_id}.")


@webhook.command(examples=["webhook rotate wh_0123456789abcdef"])
@_id
def rotate(webhook_id: str) -> None:
    """Make a new secret; for a day messages are signed with both."""
    secret = core.rotate(webhook_id, by=actor())
    if not emitted({"id": webhook_id, "secret": secret}):
        say(secret)


@webhook.command(examples=["webhook test wh_0123456789abcdef"])
@_id
def test(webhook_id: str) -> None:
    """Send a message that means nothing; its delivery tells how that went."""
    _sent(core.ping(webhook_id, by=actor()).id)


@webhook.command(examples=["webhook deliveries wh_0123456789abcdef -n 20"])
@_id
@click.option("-n", "limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@click.option("--before", help="Go on after the delivery with this id.")
def deliveries(webhook_id: str, limit: int, before: str | None) -> None:
    """List the attempts to deliver something, the newest first."""
    found = core.list_deliveries(webhook_id, before, limit)
    if not emitted({"deliveries": found, "next": found[-1].id if len(found) == limit else None}):
        show_list(_table(found), "Nothing was sent to it yet.")


@webhook.command(examples=["webhook redeliver wh_0123456789abcdef 1764000000000-0"])
@_id
@click.argument("delivery_id", metavar="DELIVERY")
def redeliver(webhook_id: str, delivery_id: str) -> None:
    """Send the same message again."""
    _sent(core.redeliver(webhook_id, delivery_id, by=actor()).id)


def _sent(job: str) -> None:
    if not emitted({"job": job}):
        say(f"On its way: job {job}.")


def _check(tasks: Sequence[str]) -> None:
    wrong = [pattern for pattern in tasks if not _PATTERN.fullmatch(pattern)]
    if wrong:
        raise click.UsageError(f"{wrong[0]!r} is no pattern of task names such as mail.*")


def _row(one: Webhook) -> list[Cell]:
    made = words.at(one.created_at)
    return [one.id, _state(one), one.url, ",".join(one.events), ",".join(one.tasks), made]


def _state(one: Webhook) -> Cell:
    if not one.active:
        return Text("off", "red" if one.disabled_because else "dim")
    return Text("failing", "yellow") if one.failures else Text("on", "green")


def _facts(one: Webhook) -> dict[str, Cell]:
    return {
        "address": one.url,
        "state": "on" if one.active else f"off{': ' if one.disabled_because else ''}{one.disabled_because or ''}",
        "events": ", ".join(one.events),
        "tasks": ", ".join(one.tasks),
        "description": one.description,
        "tracebacks": "sent" if one.traceback else "",
        "failures in a row": one.failures or "",
        "made": f"{words.at(one.created_at)} by {one.created_by}",
    }


def _table(found: Sequence[Delivery]) -> Any:
    rows: list[list[Cell]] = [
        [one.id, words.at(one.at), one.type, str(one.status or ""), one.attempt, one.error, one.event] for one in found
    ]
    return table(["id", "at?", "type", "status", "attempt>?", "error~", "event~?"], rows)
