"""`bin/jobs memory`: what uses the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click
from rich.console import RenderableType
from rich.text import Text

from cli.commands import Command
from cli.output import Cell, emitted, show, table
from cli.words import many, size
from jobs import memory as core
from jobs.memory import MemoryReport, Use

_COLUMNS = ("task", "records>", "results>", "logs>?", "artifacts>?", "files>?", "all>")
_PARTS = ("records", "results", "logs", "artifacts", "files")


@click.command(cls=Command, examples=["memory", "memory --sample 20000", "memory --json | jq .kinds"])
@click.option(
    "--sample",
    type=click.IntRange(1, core.MOST),
    default=core.SAMPLE,
    show_default=True,
    help="How many keys to measure; the server answers others in between.",
)
def memory(sample: int) -> None:
    """Show what uses the server's memory, by kind and by task."""
    found = core.report(sample)
    if not emitted(found):
        show(*_screen(found))


def _screen(found: MemoryReport) -> Iterator[RenderableType]:
    limit = f" of {size(found.max_memory)}" if found.max_memory else ", without a limit"
    yield Text(f"{size(found.used)}{limit}, {many(found.keys, 'key')}; {_how(found)}\n")
    kinds: list[list[Cell]] = [
        [kind, use.keys, size(use.bytes), _share(use, found)] for kind, use in found.kinds.items()
    ]
    yield table(["kind", "keys>", "size>", "share>"], kinds)
    if found.tasks:
        yield Text()
        yield table(_COLUMNS, [[task, *_row(uses)] for task, uses in found.tasks.items()])
    jobs = {"A waiting job": found.waiting_job, "A finished job": found.finished_job}
    if sentences := [f"{job} takes {many(each, 'byte')}." for job, each in jobs.items() if each is not None]:
        yield Text("\n" + " ".join(sentences))


def _how(found: MemoryReport) -> str:
    if found.measured >= found.keys:
        return "all of them measured"
    return f"{found.measured:,} of them measured, so what follows is estimated"


def _share(use: Use, found: MemoryReport) -> str:
    return f"{100 * use.bytes / found.used:.1f} %"


def _row(uses: Mapping[str, Use]) -> list[str]:
    sizes = [uses[part].bytes if part in uses else 0 for part in _PARTS]
    return [size(part) if part else "" for part in sizes] + [size(sum(sizes))]
