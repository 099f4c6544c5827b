"""Tasks that look after the installation itself."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import EmailStr, Field

from jobs import Retry, current_job, enqueue, monitor, schedules, task
from jobs.records import Job

from . import mail

_MOST = 10_000


@task(queue="low", timeout=60, retry=Retry(max=0))
def check(longest_wait: Annotated[float, Field(gt=0)] = 300.0) -> dict[str, Any]:
    """Log a warning for every queue whose oldest job waits longer than this many seconds, and for overdue ticks."""
    queues, clock = monitor.queues(datetime.now(UTC)), schedules.clock_status()
    waits = {queue.name: round(queue.oldest_wait or 0) for queue in queues}
    slow = {name: seconds for name, seconds in waits.items() if seconds > longest_wait}
    for name, seconds in slow.items():
        current_job().log(f"the oldest job in {name} has waited {seconds} s")
    if clock.overdue:
        current_job().log(f"{clock.overdue} schedules have overdue ticks")
    return {"waiting": sum(queue.waiting for queue in queues), "slow": slow, "overdue": clock.overdue}


@task(queue="low", timeout=300)
def digest(to: EmailStr | None = None, days: Annotated[int, Field(ge=1, le=31)] = 1) -> dict[str, Any]:
    """Count the jobs that failed in the last days by task and error, and mail the list when there is a recipient."""
    since = datetime.now(UTC) - timedelta(days=days)
    counts = Counter(_kind(job) for job in _failed_since(since))
    lines = [f"{count:6}  {kind}" for kind, count in counts.most_common()]
    if to and lines:
        subject = f"{counts.total()} failed jobs since {since:%d %B, %H:%M} UTC"
        enqueue(mail.send, to=to, subject=subject, text="\n".join(lines))
    return {"since": since.isoformat(), "failed": counts.total(), "by_kind": dict(counts)}


def _kind(job: Job) -> str:
    return f"{job.task}: {job.error.type if job.error else 'unknown'}"


def _failed_since(since: datetime) -> list[Job]:
    """The failed jobs that ended since then, at most 10,000; the list comes newest first."""
    found: list[Job] = []
    cursor: str | None = None
    while len(found) < _MOST:
        page = monitor.list_jobs(status="failed", cursor=cursor, limit=200)
        fresh = [job for job in page.jobs if (job.ended_at or job.created_at) >= since]
        found += fresh
        cursor = page.next_cursor
        if cursor is None or len(fresh) < len(page.jobs):
            break
    return found
