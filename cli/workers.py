"""`bin/jobs workers`: who works, and on what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from cli import complete, words
from cli.actor import actor
from cli.commands import Group
from cli.output import Cell, emitted, say, show_list, state, table
from jobs import monitor
from jobs import workers as core
from jobs.views import WorkerView

COLUMNS = ("worker", "state", "queues~", "horses>?", "running", "heartbeat?", "started?")


@click.group(cls=Group)
def workers() -> None:
    """See the workers; stop or drain one."""


@workers.command(examples=["workers ls"])
def ls() -> None:
    """List the workers that live."""
    found = monitor.workers()
    if not emitted({"workers": found}):
        show_list(table(COLUMNS, rows(found, words.now())), "No worker is alive: python -m worker starts one.")


@workers.command(examples=["workers stop web-1-4711-a1b2c3"])
@click.argument("name", metavar="WORKER", shell_complete=complete.worker_names)
def stop(name: str) -> None:
    """Stop a worker: it takes no more jobs, puts back what has not ended within SHUTDOWN_GRACE, and exits."""
    core.stop(name, by=actor())
    if not emitted({"worker": name, "asked_to_stop": True}):
        say(f"{name} was asked to stop.")


@workers.command(examples=["workers drain web-1-4711-a1b2c3"])
@click.argument("name", metavar="WORKER", shell_complete=complete.worker_names)
def drain(name: str) -> None:
    """Drain a worker: it takes no more jobs, ends those that it runs, however long they take, and exits."""
    core.drain(name, by=actor())
    if not emitted({"worker": name, "asked_to_drain": True}):
        say(f"{name} was asked to drain; it exits when what it runs has ended.")


def rows(found: Sequence[WorkerView], now: datetime) -> list[list[Cell]]:
    """The workers as rows of a table."""
    return [
        [
            worker.name,
            state(worker.state),
            ",".join(worker.queues),
            worker.horses,
            worker.current_job or "",
            words.ago(worker.heartbeat, now),
            words.ago(worker.started_at, now),
        ]
        for worker in found
    ]
