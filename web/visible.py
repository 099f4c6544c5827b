"""Jobs that the caller may see; the others do not exist for it."""

from __future__ import annotations

import re

from jobs import monitor
from jobs.errors import JobMissing
from jobs.records import Job

from .access import caller
from .present import job_view
from .schemas.jobs import JobView

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def visible_job(job_id: str) -> Job:
    """A job of a task that the caller may see; raises JobMissing.

    An id of another form is none: with a colon it would name another key, such as that of the job's dependents.
    """
    if not _ID.fullmatch(job_id):
        raise JobMissing(job_id)
    job = monitor.get_job(job_id)
    if not caller().may_see(job.task):
        raise JobMissing(job_id)
    return job


def whole_view(job: Job) -> JobView:
    """A job with its attempts and artifacts."""
    return job_view(job, monitor.attempts(job.id), monitor.artifacts(job.id))
