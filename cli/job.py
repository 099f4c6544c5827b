"""`bin/jobs jobs`: find jobs, look at them, act on them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from cli import complete, jobview, words
from cli.acting import act_on_each, job_ids
from cli.commands import Group
from cli.output import emit, emitted, note, say, show, show_list
from cli.places import here
from cli.shapes import job_shape, last_traceback, whole_job_shape
from cli.tail import tail
from jobs import control, dispatch, monitor
from jobs.dispatch import JobRequest

_STATUSES = click.Choice(monitor.STATUSES)
job_id = click.argument("job_id", metavar="JOB", shell_complete=complete.job_ids)


@click.group("jobs", cls=Group)
def jobs() -> None:
    """Find jobs, look at them, act on them."""


@jobs.command(
    examples=["jobs ls --status failed --task images.thumbnail", "jobs ls -q --tag import | xargs bin/jobs jobs cancel"]
)
@click.option("--status", type=_STATUSES)
@click.option("--task", shell_complete=complete.task_names)
@click.option("--queue", shell_complete=complete.queue_names)
@click.option("--tag")
@click.option("--cursor", help="From `next` of the page before.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Only the ids, for xargs.")
def ls(
    status: str | None,
    task: str | None,
    queue: str | None,
    tag: str | None,
    cursor: str | None,
    limit: int,
    quiet: bool,
) -> None:
    """List jobs, the newest first."""
    page = _page(lambda: monitor.list_jobs(status=status, task=task, queue=queue, tag=tag, cursor=cursor, limit=limit))
    if emitted({"jobs": [job_shape(job) for job in page.jobs], "next": page.next_cursor}):
        return
    if quiet:
        for job in page.jobs:
            say(job.id)
        return
    is_choice = status or task or queue or tag or cursor
    show_list(jobview.listed(page.jobs, words.now()), "No job fits." if is_choice else "No jobs yet.")
    if page.next_cursor:
        note(f"There are more: --cursor '{page.next_cursor}'")


@jobs.command("show", examples=["jobs show 5f0c1d6f0a3b4c0e9a7c3f1e2d4b5a69"])
@job_id
def show_job(job_id: str) -> None:
    """Show a job with its arguments, attempts, artifacts and its last traceback."""
    job = monitor.get_job(job_id)
    if emitted(whole_job_shape(job)):
        return
    attempts, artifacts = monitor.attempts(job_id), monitor.artifacts(job_id)
    show(jobview.described(job))
    if attempts:
        show("", jobview.tried(attempts))
    if artifacts:
        show("", jobview.made(artifacts))
    if job.status != "finished" and (trace := last_traceback(attempts)):
        say(f"\n{trace.rstrip()}")


@jobs.command(examples=["jobs result 5f0c1d6f0a3b4c0e9a7c3f1e2d4b5a69 | jq .rows"])
@job_id
def result(job_id: str) -> None:
    """Print what the task returned, as JSON."""
    emit(monitor.get_result(job_id))


@jobs.command(examples=["jobs artifact 5f0c1d6f0a3b4c0e9a7c3f1e2d4b5a69 summary.pdf -o /tmp/summary.pdf"])
@job_id
@click.argument("name")
@click.option("-o", "--output", "target", metavar="FILE", default=".", help="Where to; - for stdout. Here by default.")
def artifact(job_id: str, name: str, target: str) -> None:
    """Download a file that the job made."""
    monitor.get_job(job_id)
    file = monitor.artifacts(job_id).get(name)
    if file is None:
        raise click.ClickException(f"job {job_id} has no artifact {name!r}; it may have expired")
    if target == "-":
        with file.open() as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
        return
    place = here(target) / Path(name).name if here(target).is_dir() else here(target)
    file.save(place)
    if not emitted({"name": name, "size": file.size, "path": str(place)}):
        say(f"{place}: {words.size(file.size)}.")


@jobs.command(
    examples=["jobs retry 5f0c1d6f0a3b4c0e9a7c3f1e2d4b5a69", "jobs ls -q --status failed | bin/jobs jobs retry -"]
)
@job_ids
@click.option("--args", "whole", metavar="JSON", help="Enqueue a new job with these arguments instead; for one job.")
def retry(ids: Sequence[str], whole: str | None) -> None:
    """Give dead letters, stopped and canceled jobs all their attempts again; - reads ids from stdin."""
    if whole is None:
        act_on_each("retry", ids, control.requeue, "enqueued again")
    elif len(ids) != 1:
        raise click.UsageError("--args is for one job")
    else:
        act_on_each("retry", ids, lambda job_id: _again(job_id, whole), "replaced by a new job")


@jobs.command(examples=["jobs cancel 5f0c1d6f0a3b4c0e9a7c3f1e2d4b5a69"])
@job_ids
def cancel(ids: Sequence[str]) -> None:
    """Cancel waiting jobs; one that runs is interrupted, which takes a moment. - reads ids from stdin."""
    act_on_each("cancel", ids, control.cancel, "canceled")


@jobs.command(examples=["jobs delete 5f0c1d6f0a3b4c0e9a7c3f1e2d4b5a69"])
@job_ids
def delete(ids: Sequence[str]) -> None:
    """Delete jobs with their results, logs and attempts, but none that runs. - reads ids from stdin."""
    act_on_each("delete", ids, control.delete, "deleted")


jobs.add_command(tail)


def _again(job_id: str, whole: str) -> dict[str, str]:
    import tasks  # noqa: F401 - only here: the other commands must work when tasks cannot be imported
    from cli.values import arguments
    from jobs import registry

    job = monitor.get_job(job_id)
    args = arguments(registry.find(job.task), (), whole)
    tags = (*job.tags, f"retry-of:{job.id}")
    made = dispatch.submit(
        JobRequest(task=job.task, args=args, queue=job.queue, timeout=job.timeout, tags=tags, priority=job.priority)
    )
    return {"job": made.id}


def _page(read: Callable[[], monitor.Page]) -> monitor.Page:
    try:
        return read()
    except ValueError:
        raise click.UsageError("--cursor must come from `next` of the page before") from None
