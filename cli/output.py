"""How commands speak: tables for people, JSON for programs, plain text in pipes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from pydantic_core import to_jsonable_python
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from cli import tables
from cli.commands import as_json
from cli.tables import Cell as Cell
from cli.tables import clean as clean
from cli.tables import text_of

_ALLOWED_CONTROL = re.compile(r"[\x7f-\x9f]")
_UNLIMITED = 10_000  # columns in a pipe, where nothing is to be folded
_COLOURS = {
    "finished": "green",
    "failed": "red",
    "crashed": "red",
    "stopped": "red",
    "started": "cyan",
    "scheduled": "magenta",
    "canceled": "dim",
    "retrying": "yellow",
    "paused": "yellow",
    "busy": "cyan",
}


def console(*, err: bool = False) -> Console:
    """A console on stdout, as wide as the terminal; in a pipe without colours and without folding."""
    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _UNLIMITED
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def say(text: str = "") -> None:
    """One line for people, on stdout; nothing when JSON was asked for."""
    if not as_json():
        click.echo(clean(text))


def note(text: str) -> None:
    """A remark, on stderr, so that it is never taken for data."""
    click.echo(clean(text), err=True)


def emit(value: Any) -> None:
    """One JSON document, on stdout, whether it was asked for or not; readable in a terminal."""
    click.echo(_json(value, indent=2 if sys.stdout.isatty() else None))


def emit_line(value: Any) -> None:
    """One line of JSON."""
    click.echo(_json(value))


def emitted(value: Any) -> bool:
    """Print this as JSON if that was asked for; whether it was."""
    if as_json():
        emit(value)
    return as_json()


def plain(value: Any) -> Any:
    """Dataclasses, models, times and enums as JSON values."""
    return to_jsonable_python(value)


def show(*parts: RenderableType) -> None:
    """Print tables and texts; in a pipe without the spaces that fill up their last column."""
    target = console()
    if target.is_terminal:
        target.print(*parts, sep="\n")
        return
    with target.capture() as seen:
        target.print(*parts, sep="\n")
    click.echo("\n".join(line.rstrip() for line in seen.get().splitlines()))


def show_list(made: Table, nothing: str) -> None:
    """Print a table; when it has no rows, a remark instead, so that a pipe gets nothing rather than a header."""
    if made.row_count:
        show(made)
    else:
        note(nothing)


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    """A table that fits where it goes; `cli.tables` says what the ends of the columns' names mean."""
    return tables.table(columns, rows, width=console().width)


def facts(pairs: Mapping[str, Cell]) -> Table:
    """Names and values, without those that are empty."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        if value not in (None, ""):
            made.add_row(name, text_of(value))
    return made


def state(word: str) -> Text:
    """A status in its colour."""
    return Text(word, _COLOURS.get(word.split(":")[0].split(" ")[0], ""))


def _json(value: Any, indent: int | None = None) -> str:
    """JSON with letters as they are; control characters that it would allow are spelled out, see `clean`."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=indent)
    return _ALLOWED_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
