"""`bin/jobs status`: how it goes, on one screen."""

from __future__ import annotations

from collections.abc import Iterator

import click
from rich.console import Group as Stack
from rich.console import RenderableType
from rich.text import Text

from cli import jobview, queues, words, workers
from cli.commands import Command
from cli.output import Cell, clean, emitted, show, table
from cli.snapshot import Snapshot, take


@click.command(cls=Command, examples=["status", "status --json | jq .problems"])
def status() -> None:
    """Show queues, workers, clock and Redis on one screen; exit code 1 when something is not well."""
    seen = take()
    if not emitted(seen.shape()):
        show(screen(seen))
    raise SystemExit(1 if seen.problems else 0)


def screen(seen: Snapshot) -> Stack:
    """All of it."""
    return Stack(*_parts(seen))


def _parts(seen: Snapshot) -> Iterator[RenderableType]:
    yield verdict(seen)
    yield Text(f"{_server(seen)}\n{_clock(seen)}\n", "dim")
    yield table(queues.COLUMNS, queues.rows(seen.queues))
    if seen.workers:
        yield Text()
        yield table(workers.COLUMNS, workers.rows(seen.workers, seen.at))
    if seen.running:
        yield Text()
        yield table(["running", "task", "since?", "progress~"], [_running(seen, n) for n in range(len(seen.running))])
    if seen.coming:
        yield Text()
        yield table(
            ["schedule", "next tick", "in>?", "when~?"],
            [_coming(seen, n) for n in range(len(seen.coming))],
        )


def verdict(seen: Snapshot) -> Text:
    """The most important, first."""
    if not seen.problems:
        return Text("All is well.", "bold green")
    return Text("\n".join(clean(problem) for problem in seen.problems), "bold red")


def _server(seen: Snapshot) -> str:
    redis = seen.server
    limit = f" of {words.size(redis.max_memory)}" if redis.max_memory else ""
    used = f"{words.size(redis.memory)}{limit}, {words.many(redis.clients, 'connection')}"
    return f"{redis.name}: {used}, to disk: {redis.durability}"


def _clock(seen: Snapshot) -> str:
    clock = seen.clock
    standby = len([name for name in clock.clocks if name != clock.leader])
    return f"Clock: {clock.leader or 'none'}, {standby} standing by, {words.many(clock.schedules, 'schedule')}"


def _running(seen: Snapshot, number: int) -> list[Cell]:
    job = seen.running[number]
    return [job.id, job.task, words.ago(job.started_at, seen.at), jobview.progress(job)]


def _coming(seen: Snapshot, number: int) -> list[Cell]:
    coming = seen.coming[number]
    wait = words.span((coming.tick - seen.at).total_seconds())
    return [coming.schedule, f"{coming.tick:%Y-%m-%d %H:%M:%S %Z}", wait, coming.words]
