"""`bin/jobs queues`: how full they are; pause, resume, empty."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cli import complete, words
from cli.acting import confirm
from cli.actor import actor
from cli.commands import Group
from cli.output import Cell, emitted, say, show, state, table
from cli.shapes import Shape, queue_shapes
from jobs import queues as core

name = click.argument("name", metavar="QUEUE", shell_complete=complete.queue_names)
COLUMNS = ("queue", "waiting>", "running>", "delayed>?", "failed>", "finished>?", "oldest waits>", "workers>", "state~")


@click.group(cls=Group)
def queues() -> None:
    """See and steer the queues. Every change is noted in the audit log."""


@queues.command(examples=["queues ls", "queues ls --json | jq '.queues[] | select(.oldest_wait > 60)'"])
def ls() -> None:
    """List the queues with their counts."""
    shapes = queue_shapes(words.now())
    if not emitted({"queues": shapes}):
        show(table(COLUMNS, rows(shapes)))


@queues.command(examples=["queues pause low --note 'the supplier is down'"])
@name
@click.option("--note", default="", help="Why; shown wherever the queue is.")
def pause(name: str, note: str) -> None:
    """Start no more jobs of a queue; those that run go on, and new ones are accepted."""
    core.require(name)
    core.pause(name, note=note, by=actor())
    _done({"queue": name, "paused": True}, f"Paused {name}: workers obey within seconds.")


@queues.command(examples=["queues resume low"])
@name
def resume(name: str) -> None:
    """Start jobs of a queue again."""
    core.require(name)
    core.resume(name, by=actor())
    _done({"queue": name, "paused": False}, f"Resumed {name}.")


@queues.command(examples=["queues empty low --yes"])
@name
@click.option("--yes", is_flag=True, help="Do not ask.")
def empty(name: str, yes: bool) -> None:
    """Cancel every job that waits in a queue now; their records stay, so each can be tried again."""
    core.require(name)
    confirm(f"Cancel every job that waits in {name}?", yes=yes)
    canceled = core.empty(name, by=actor())
    _done({"queue": name, "canceled": canceled}, f"{words.many(canceled, 'job')} canceled.")


def rows(shapes: Sequence[Shape]) -> list[list[Cell]]:
    """The queues as rows of a table."""
    return [[*_counts(shape), words.span(shape["oldest_wait"]), shape["workers"], _state(shape)] for shape in shapes]


def _counts(shape: Shape) -> list[Cell]:
    return [shape[field] for field in ("name", "waiting", "started", "scheduled", "failed", "finished")]


def _state(shape: Shape) -> Cell:
    pause = shape["paused"]
    if pause:
        return state(f"paused: {pause['note']}" if pause["note"] else "paused")
    return "" if shape["workers"] or not shape["waiting"] else state("stopped: no worker takes them")


def _done(shape: Shape, sentence: str) -> None:
    if not emitted(shape):
        say(sentence)
