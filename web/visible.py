"""Jobs and schedules that the caller may see; the others do not exist for it."""

from __future__ import annotations

import re

from jobs import monitor, schedules, webhooks
from jobs.errors import JobExpired, JobMissing, ScheduleMissing
from jobs.records import Job
from jobs.schedules import ScheduleView

from .access import caller
from .present import job_view
from .schemas.jobs import JobView

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SCHEDULE_ID = re.compile(r"[A-Za-z0-9_]+([.-][A-Za-z0-9_]+)*")


def visible_job(job_id: str) -> Job:
    """A job of a task that the caller may see; raises JobMissing, JobExpired when it is known to have been there.

    An id of another form is none: with a colon it would name another key, such as that of the job's dependents.
    """
    if not _ID.fullmatch(job_id):
        raise JobMissing(job_id)
    job = monitor.find_job(job_id)
    if job is None:
        raise _missing(job_id)
    if not caller().may_see(job.task):
        raise JobMissing(job_id)
    return job


def require_visible(job_id: str) -> None:
    """Raise JobMissing unless the caller may see the job; for who sees all, what acts on it finds out itself."""
    if not caller().sees_all or not _ID.fullmatch(job_id):
        visible_job(job_id)
def _missing(job_id: str) -> JobMissing:
    """Of a job without a record nobody knows the task, so its id is nothing for a caller whom patterns limit."""
    expired = caller().sees_all and monitor.was_accepted(job_id)
    return JobExpired(job_id, "the record", "RESULT_TTL or FAILURE_TTL") if expired else JobMissing(job_id)




def visible_schedule(schedule_id: str) -> ScheduleView:
    """A schedule of a task that the caller may use; raises ScheduleMissing, also for an id of another form."""
    if not _SCHEDULE_ID.fullmatch(schedule_id):
        raise ScheduleMissing(schedule_id)
    found = schedules.get_schedule(schedule_id)
    if not caller().may_use(found.task):
        raise ScheduleMissing(schedule_id)
    return found


def whole_view(job: Job) -> JobView:
    """A job with its attempts and artifacts."""
    return job_view(job, monitor.attempts(job.id), monitor.artifacts(job.id))
