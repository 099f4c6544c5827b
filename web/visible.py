"""Jobs that the caller may see; the others do not exist for it."""

from __future__ import annotations

from jobs import monitor
from jobs.errors import JobMissing
from jobs.records import Job

from .access import caller
from .present import job_view
from .schemas.jobs import JobView


def visible_job(job_id: str) -> Job:
    """A job of a task that the caller may use; raises JobMissing."""
    job = monitor.get_job(job_id)
    if not caller().may_see(job.task):
        raise JobMissing(job_id)
    return job


def whole_view(job: Job) -> JobView:
    """A job with its attempts and artifacts."""
    return job_view(job, monitor.attempts(job.id), monitor.artifacts(job.id))
