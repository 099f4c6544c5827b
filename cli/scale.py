"""`bin/jobs scale`: how many workers the queues need."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.text import Text

from cli import complete, words
from cli.commands import Command
from cli.output import Cell, emitted, show, table
from jobs import scaling
from jobs.scaling import QueueScale, Scale

_COLUMNS = (
    "queue",
    "waiting>",
    "oldest waits>",
    "target>",
    "a second>?",
    "one runs>?",
    "busy horses>",
    "needed horses>",
)


@click.command(cls=Command, examples=["scale", "scale high default", "scale --json | jq .workers"])
@click.argument("queues", metavar="[QUEUE]...", nargs=-1, shell_complete=complete.queue_names)
def scale(queues: Sequence[str]) -> None:
    """Tell how many workers would keep these queues within their targets (QUEUE_LATENCY); without a name, all."""
    found = scaling.scale(words.now(), queues)
    if not emitted(found):
        show(Text(_sentence(found) + "\n"), table(_COLUMNS, [_row(queue) for queue in found.queues]))


def _sentence(found: Scale) -> str:
    enough = f"{words.many(found.workers, 'worker')} would be enough"
    return f"{enough}, each with {found.horses_per_worker:g} horses; there are {found.workers_now}."


def _row(queue: QueueScale) -> list[Cell]:
    return [
        f"{queue.name} (paused)" if queue.paused else queue.name,
        queue.waiting,
        words.span(queue.oldest_wait),
        words.span(queue.target),
        f"{queue.rate:.3g}",
        f"{queue.mean_run:.3g} s",
        f"{queue.load:.2f}",
        f"{queue.horses:.2f}",
    ]
