"""Wait for a job, telling how far it is."""

from __future__ import annotations

import time

from rich.status import Status

from cli import output
from cli.output import clean
from jobs import monitor
from jobs.records import Job

ENDED = frozenset({"finished", "failed", "canceled", "stopped"})
FAILED, TIMEOUT = 3, 4
"""Exit codes."""
_SHORTEST, _LONGEST = 0.05, 0.5


def until_ended(job: Job, longest: float | None) -> Job:
    """The job when it has ended, or as it is when that took too long. Raises JobMissing when it is deleted."""
    deadline = None if longest is None else time.monotonic() + longest
    with output.console(err=True).status(_words(job)) as status:
        return _poll(job, status, deadline)


def _poll(job: Job, status: Status, deadline: float | None) -> Job:
    pause = _SHORTEST
    while job.status not in ENDED and (deadline is None or time.monotonic() < deadline):
        time.sleep(pause if deadline is None else max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(pause * 1.3, _LONGEST)
        job = monitor.get_job(job.id)
        status.update(_words(job))
    return job


def exit_code(job: Job) -> int:
    """0 for a finished job, 3 for one that ended otherwise, 4 for one that goes on."""
    if job.status not in ENDED:
        return TIMEOUT
    return 0 if job.status == "finished" else FAILED


def verdict(job: Job) -> str:
    """How it stands, in one sentence."""
    if job.status not in ENDED:
        return f"Job {job.id} is still {job.status}; it goes on."
    reason = f": {job.error.type}: {job.error.message}".splitlines()[0] if job.error else ""
    return f"Job {job.id} {'has' if job.status in {'finished', 'failed'} else 'was'} {job.status}{reason}."


def _words(job: Job) -> str:
    if job.progress is None or job.status != "started":
        return f"{job.task} is {job.status}"
    total = f" of {job.progress.total:g}" if job.progress.total else ""
    return clean(f"{job.task}: {job.progress.done:g}{total} {job.progress.note}")
