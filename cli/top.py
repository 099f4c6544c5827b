"""`bin/jobs top`: the status, live."""

from __future__ import annotations

import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from cli import words
from cli.commands import Command, as_json
from cli.output import console, emit_line
from cli.snapshot import take
from cli.status import screen
from jobs.errors import RedisUnavailable


@click.command(cls=Command, examples=["top", "top --interval 5 --json | jq -c .queues"])
@click.option(
    "--interval", type=click.FloatRange(0.2, 60), default=1.0, show_default=True, help="Seconds between looks."
)
def top(interval: float) -> None:
    """Show the status, live; q or Ctrl-C ends it. With --json: one object per look and line, for ever."""
    try:
        if as_json():
            _stream(interval)
        elif not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise click.UsageError("top needs a terminal; use `bin/jobs status`, or --json")
        else:
            _live(interval)
    except KeyboardInterrupt:
        pass


def _stream(interval: float) -> None:
    while True:
        emit_line(take().shape())
        sys.stdout.flush()
        time.sleep(interval)


def _live(interval: float) -> None:
    with _single_keys(), Live(console=console(), screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(_seen(), refresh=True)
            if _pressed(interval) in {"q", "Q"}:
                return


def _seen() -> RenderableType:
    """An outage is shown, and passes."""
    try:
        seen = take()
        return Group(Text(f"bin/jobs top, {words.at(seen.at)}, q ends", "dim"), screen(seen))
    except RedisUnavailable as error:
        return Text(f"{error}. Trying again.", "bold red")


@contextmanager
def _single_keys() -> Iterator[None]:
    """Keys arrive one by one, without Enter and without being shown; the terminal is put back as it was."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _pressed(longest: float) -> str:
    """The key that was pressed within so many seconds; nothing when none was."""
    ready, _, _ = select.select([sys.stdin], [], [], longest)
    return sys.stdin.read(1) if ready else ""
