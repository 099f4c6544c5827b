"""`bin/jobs failures`: dead letters in groups that look alike."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.text import Text

from cli import complete, words
from cli.acting import act_on_each, confirm
from cli.commands import Group
from cli.output import Cell, emitted, facts, say, show, show_list, table
from cli.output import plain as shape_of
from cli.shapes import last_traceback
from jobs import control, monitor
from jobs import failures as core
from jobs.bulk import Choice, chosen
from jobs.errors import NightshiftError
from jobs.failures import FailureGroup

group = click.argument("fingerprint", metavar="GROUP")
task = click.option("--task", shell_complete=complete.task_names, help="Only of this task.")
queue = click.option("--queue", shell_complete=complete.queue_names, help="Only in this queue.")
yes = click.option("--yes", is_flag=True, help="Do not ask.")


class NoSuchGroup(NightshiftError):
    """No dead letters, or those of several groups, fit what was typed."""


@click.group(cls=Group)
def failures() -> None:
    """See dead letters in groups: the same task, the same exception, the same line. GROUP is its first letters."""


@failures.command(examples=["failures ls", "failures ls --task mail.send"])
@task
@queue
def ls(task: str | None, queue: str | None) -> None:
    """List the newest 1,000 dead letters in groups, the largest first."""
    found, now = core.groups(task, queue), words.now()
    if emitted({"groups": found}):
        return
    rows: list[list[Cell]] = [
        [one.fingerprint[:8], one.count, one.task, words.ago(one.last_seen, now), one.frame, _error(one)]
        for one in found
    ]
    columns = ["group", "jobs>", "task", "last?", "where?", "error~"]
    show_list(table(columns, rows), "No dead letters that fit." if task or queue else "No dead letters.")


@failures.command("show", examples=["failures show 3f9a"])
@group
def show_group(fingerprint: str) -> None:
    """Show a group: its newest traceback and its jobs."""
    found = _find(fingerprint)
    trace = last_traceback(monitor.attempts(found.job_ids[0]))
    if emitted(shape_of(found) | {"traceback": trace, "job_ids": core.members(found.fingerprint)}):
        return
    seen = f"{words.at(found.first_seen)} to {words.at(found.last_seen)}"
    names = {"group": found.fingerprint, "task": found.task, "error": _error(found), "where": found.frame}
    show(facts({**names, "jobs": str(found.count), "seen": seen, "newest": ", ".join(found.job_ids[:5])}))
    if trace:
        show(Text("\nThe newest traceback", "bold"))
        say(trace.rstrip())


@failures.command(examples=["failures retry 3f9a", "failures retry --all --task mail.send"])
@click.argument("fingerprint", metavar="[GROUP]", required=False)
@click.option("--all", "everything", is_flag=True, help="Every dead letter that --task and --queue allow.")
@task
@queue
def retry(fingerprint: str | None, everything: bool, task: str | None, queue: str | None) -> None:
    """Give the dead letters of a group, or all, their attempts again."""
    act_on_each("retry", _chosen(fingerprint, everything, task, queue), control.requeue, "enqueued again")


@failures.command(examples=["failures delete 3f9a --yes"])
@click.argument("fingerprint", metavar="[GROUP]", required=False)
@click.option("--all", "everything", is_flag=True, help="Every dead letter that --task and --queue allow.")
@task
@queue
@yes
def delete(fingerprint: str | None, everything: bool, task: str | None, queue: str | None, yes: bool) -> None:
    """Delete the dead letters of a group, or all."""
    ids = _chosen(fingerprint, everything, task, queue)
    confirm(f"Delete {words.many(len(ids), 'dead letter')} for good?", yes=yes)
    act_on_each("delete", ids, control.delete, "deleted")


def _chosen(fingerprint: str | None, everything: bool, task: str | None, queue: str | None) -> Sequence[str]:
    if (fingerprint is None) != everything:
        raise click.UsageError("name a group of `failures ls`, or say --all")
    if fingerprint is not None:
        return core.members(_find(fingerprint).fingerprint)
    return list(dead_letters(task, queue))


def dead_letters(task: str | None, queue: str | None) -> list[str]:
    """The ids of all dead letters that fit; unlike the groups, not only of the newest 1,000."""
    return list(chosen(Choice(status="failed", task=task, queue=queue)))


def _find(fingerprint: str) -> FailureGroup:
    fitting = [one for one in core.groups() if one.fingerprint.startswith(fingerprint)]
    if len(fitting) != 1:
        several = "; it fits several: type more letters" if fitting else ""
        raise NoSuchGroup(f"no group of dead letters is named {fingerprint!r}{several}")
    return fitting[0]


def _error(group: FailureGroup) -> str:
    return f"{group.error_type}: {group.message}".splitlines()[0]
