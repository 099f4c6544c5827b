"""`bin/jobs quarantine`: records that cannot be run, as they were found."""

from __future__ import annotations

import click

from cli import words
from cli.commands import Group
from cli.output import emitted, say, show_list, table
from jobs import quarantine as core


@click.group(cls=Group)
def quarantine() -> None:
    """See records that cannot be run, and why."""


@quarantine.command(examples=["quarantine ls", "quarantine ls --json | jq '.entries[].reason'"])
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
def ls(limit: int) -> None:
    """List them, the newest first; those that are a `dead letter` are among the failed jobs as well."""
    found = core.entries(limit)
    if emitted({"entries": found}):
        return
    rows = [[words.at(one.at), one.job_id, one.queue, _kept(one), one.reason] for one in found]
    show_list(table(["at", "job", "queue", "kept as", "reason~"], rows), "Nothing is in quarantine.")


@quarantine.command("show", examples=["quarantine show 8c0ce3f0e5a24a6ab1a7bd0c4a9a2b6e"])
@click.argument("job_id", metavar="JOB")
def show_record(job_id: str) -> None:
    """Print a record as it was found; bytes that are no text as \\xNN."""
    found = core.record(job_id)
    parts = {name: value.decode("utf-8", "backslashreplace") for name, value in found.parts.items()}
    if emitted({"type": found.type, "parts": parts}):
        return
    say(f"type: {found.type}")
    for name, value in parts.items():
        say(f"{name}: {value}" if name else value)


def _kept(entry: core.Entry) -> str:
    return "dead letter" if entry.dead_letter else "bytes"
