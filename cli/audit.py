"""`bin/jobs audit`: who did what."""

from __future__ import annotations

import json

import click

from cli import words
from cli.commands import Command
from cli.output import emitted, note, show_list, table
from jobs import audit as core


@click.command(cls=Command, examples=["audit -n 100", "audit --json | jq '.entries[].actor'"])
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--before", metavar="ID", help="From `next` of the page before.")
def audit(limit: int, before: str | None) -> None:
    """List who did what, the newest first."""
    found = core.entries(before, limit)
    following = found[-1].id if len(found) == limit else None
    if emitted({"entries": found, "next": following}):
        return
    rows = [[words.at(one.at), one.actor, one.action, one.subject, _detail(one)] for one in found]
    show_list(table(["at", "who", "did", "to", "detail~?"], rows), "Nothing is noted here.")
    if following:
        note(f"There are more: --before {following}")


def _detail(entry: core.Entry) -> str:
    return ", ".join(
        f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in entry.detail.items() if value
    )
