"""`bin/jobs enqueue`: a job from the terminal, through the same door as HTTP and schedules."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

import tasks  # noqa: F401 - the tasks that can be enqueued
from cli import complete, words
from cli.commands import Command, as_json
from cli.output import emit, note, say
from cli.shapes import whole_job_shape
from cli.values import arguments
from cli.waiting import exit_code, until_ended, verdict
from jobs import dispatch, monitor, registry
from jobs.dispatch import JobRequest
from jobs.priorities import PRIORITIES
from jobs.records import Job
from jobs.uniqueness import Unique


class UniqueWhile(click.ParamType[Unique]):
    """How long a job stands for others like it."""

    name = "unique"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """As the help shows it."""
        return "done|started|LENGTH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Unique:
        """Read it; a usage error for anything else."""
        if value in ("done", "started"):
            return Unique(value)
        seconds = words.seconds_of(str(value))
        if seconds is None:
            self.fail(f"{value!r} is neither done nor started nor a length of time such as 10m", param, ctx)
        try:
            return Unique("window", window=int(seconds))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(
    cls=Command,
    examples=[
        "enqueue images.thumbnail photo=@samples/rocket.jpg width=320 --wait",
        "enqueue mail.send to=ann@example.com subject=Hello text='Good morning' --at 2026-12-24T18:00 --tag greeting",
        "enqueue reports.summary data=@samples/flights.csv group_by=airline totals=distance totals=air_time",
    ],
)
@click.argument("task", shell_complete=complete.task_names)
@click.argument("pairs", metavar="[NAME=VALUE]...", nargs=-1, shell_complete=complete.argument_names)
@click.option("--args", "whole", metavar="JSON", help="All arguments as an object; @FILE or - reads it from there.")
@click.option("--queue", help="Instead of the task's own.", shell_complete=complete.queue_names)
@click.option("--delay", type=words.Length(), help="Run it after 90, 5m, 2h30m, 7d.")
@click.option("--at", "moment", type=words.Moment(), help="Run it then; in TIMEZONE unless it has an offset.")
@click.option("--tag", "tags", multiple=True, help="To find it by; may be given several times.")
@click.option("--unique", type=UniqueWhile(), help="Give the job like it, if there is one, instead of a second.")
@click.option("--key", help="Idempotency key: the same key gives the same job for 24 hours.")
@click.option("--timeout", type=words.Length(), help="How long an attempt may run.")
@click.option("--retries", type=click.IntRange(0, 100), help="How often a failed attempt is tried again.")
@click.option(
    "--priority", type=click.Choice(PRIORITIES), help="Among the jobs of its queue; instead of the task's own."
)
@click.option("--wait", is_flag=True, help="Stay until it has ended, then print its result; exit code 3 if it failed.")
@click.option("--within", type=words.Length(), help="With --wait: stay no longer than this; exit code 4 then.")
def enqueue(task: str, pairs: Sequence[str], whole: str | None, wait: bool, within: float | None, **asked: Any) -> None:
    """Enqueue a job and print its id.

    A value is read as the task's schema says: text where text is taken, else JSON. NAME=@FILE uploads a file where a
    file is taken, NAME:=JSON is always JSON, and a list may be given one NAME=VALUE at a time.
    """
    request = _request(task, asked) | _idempotency(asked["key"], [task, pairs, whole, asked])
    found = registry.find(task)
    job = dispatch.submit(JobRequest(**request, args=arguments(found, pairs, whole)))
    if job.id != request["job_id"]:
        note("A job like it is there already.")
    if wait or within is not None:
        _wait(job, within)
    elif as_json():
        emit(whole_job_shape(job))
    else:
        say(job.id)


def _request(task: str, asked: dict[str, Any]) -> dict[str, Any]:
    timeout, retries = asked["timeout"], asked["retries"]
    return {
        "task": task,
        "job_id": secrets.token_hex(16),
        "run_at": _run_at(asked["delay"], asked["moment"]),
        "timeout": None if timeout is None else round(timeout),
        "retries": retries,
        **{name: asked[name] for name in ("queue", "priority", "tags", "unique")},
    }


def _idempotency(key: str | None, typed: list[Any]) -> dict[str, str]:
    """What was typed tells requests apart, not what it became: a file that is uploaded again has another id."""
    if key is None:
        return {}
    return {
        "idempotency_key": f"cli:{key}",
        "fingerprint": hashlib.blake2b(repr(typed).encode(), digest_size=16).hexdigest(),
    }


def _run_at(delay: float | None, moment: datetime | None) -> datetime | None:
    if delay is not None and moment is not None:
        raise click.UsageError("give either --delay or --at")
    if delay is not None:
        return words.later(delay)
    return moment.astimezone(UTC) if moment else None


def _wait(job: Job, within: float | None) -> None:
    """The result alone goes to stdout, so that it can be piped."""
    ended = until_ended(job, within)
    code = exit_code(ended)
    result = monitor.get_result(ended.id) if code == 0 else None
    if as_json():
        emit(whole_job_shape(ended) | {"result": result})
    else:
        note(verdict(ended))
        if code == 0:
            emit(result)
    raise SystemExit(code)
