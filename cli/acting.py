"""One act on several jobs: each is tried, all that failed are told, and the audit log knows who did it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from cli import complete
from cli.actor import actor
from cli.output import emitted, note, say
from cli.words import many
from jobs import audit
from jobs.errors import JobConflict, JobMissing

Act = Callable[[str], Mapping[str, Any] | None]


def _ids(ctx: click.Context, param: click.Parameter, given: Sequence[str]) -> list[str]:
    """With `-`, those on stdin, too; each once, in order."""
    read = sys.stdin.read().split() if "-" in given else []
    return list(dict.fromkeys([*(one for one in given if one != "-"), *read]))


job_ids = click.argument(
    "ids", metavar="JOB...", nargs=-1, required=True, callback=_ids, shell_complete=complete.job_ids
)


def act_on_each(verb: str, ids: Sequence[str], act: Act, done: str) -> None:
    """Act on jobs one by one; exit code 1 when the state of one did not allow it or it is not there."""
    results = [_attempt(verb, job_id, act) for job_id in ids]
    refused = [result for result in results if result["error"]]
    if not emitted({"jobs": results, "done": len(results) - len(refused), "refused": len(refused)}):
        _tell(results, done)
    if refused:
        raise SystemExit(1)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is lost. Where nobody can answer, --yes is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Say --yes, since nobody can be asked here.")
    click.confirm(question, abort=True, err=True)


def _attempt(verb: str, job_id: str, act: Act) -> dict[str, Any]:
    try:
        detail = act(job_id) or {}
    except (JobConflict, JobMissing) as error:
        return {"id": job_id, "error": str(error)}
    audit.note(actor(), f"job.{verb}", job_id, **detail)
    return {"id": job_id, "error": None, **detail}


def _tell(results: Sequence[Mapping[str, Any]], done: str) -> None:
    for result in results:
        if result["error"]:
            note(f"Error: {result['error']}")
    good = [result for result in results if not result["error"]]
    if len(good) == 1:
        say(f"{good[0]['id']}: {done}{': ' + good[0]['job'] if 'job' in good[0] else ''}.")
    elif good:
        say(f"{many(len(good), 'job')} {done}.")
