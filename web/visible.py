"""Jobs and schedules that the caller may see; the others do not exist for it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobs import monitor, schedules, webhooks
from jobs.alerts import Incident, Rule
from jobs.errors import JobExpired, JobMissing, ScheduleMissing, WebhookMissing
from jobs.records import Job
from jobs.schedules import ScheduleView
from jobs.webhooks import Webhook

from .access import caller
from .present import job_view
from .problems import Refused
from .schemas.jobs import JobView

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_OF_TASKS = {Rule.FAILURES, Rule.DEAD_LETTERS, Rule.MISSED}
_WEBHOOK_ID = re.compile(r"wh_[0-9a-f]{16}")
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


def _missing(job_id: str) -> JobMissing:
    """Of a job without a record nobody knows the task, so its id is nothing for a caller whom patterns limit."""
    expired = caller().sees_all and monitor.was_accepted(job_id)
    return JobExpired(job_id, "the record", "RESULT_TTL or FAILURE_TTL") if expired else JobMissing(job_id)


def require_visible(job_id: str) -> None:
    """Raise JobMissing unless the caller may see the job; for who sees all, what acts on it finds out itself."""
    if not caller().sees_all or not _ID.fullmatch(job_id):
        visible_job(job_id)


def require_all_tasks() -> None:
    """Raise Refused unless the caller may see jobs of every task: for what acts on, or tells of, all that is there."""
    if not caller().sees_all:
        detail = f"this is about jobs of all tasks, and the token is for {', '.join(caller().tasks)}"
        raise Refused(403, "forbidden", detail)


def visible_schedule(schedule_id: str) -> ScheduleView:
    """A schedule of a task that the caller may use; raises ScheduleMissing, also for an id of another form."""
    if not _SCHEDULE_ID.fullmatch(schedule_id):
        raise ScheduleMissing(schedule_id)
    found = schedules.get_schedule(schedule_id)
    if not caller().may_use(found.task):
        raise ScheduleMissing(schedule_id)
    return found


def visible_webhook(webhook_id: str) -> Webhook:
    """A webhook that tells of nothing the caller may not see; raises WebhookMissing, also for an id of another form."""
    found = webhooks.get(webhook_id) if _WEBHOOK_ID.fullmatch(webhook_id) else None
    if found is None or not may_hear(found.tasks):
        raise WebhookMissing(webhook_id)
    return found


def may_hear(patterns: Sequence[str]) -> bool:
    """Whether all that these patterns fit is the caller's to see; a pattern must be one of its own to be sure."""
    who = caller()
    return who.sees_all or all(one in who.tasks or ("*" not in one and who.may_use(one)) for one in patterns)


def require_tasks(patterns: Sequence[str]) -> None:
    """Raise Refused unless the caller may hear of all of them."""
    if not may_hear(patterns):
        raise Refused(403, "forbidden", f"you may not hear of all tasks that {', '.join(patterns)} fits")


def visible_alerts(found: Sequence[Incident]) -> list[Incident]:
    """Those whose words name nothing that the caller may not see."""
    return [one for one in found if caller().sees_all or one.rule not in _OF_TASKS]


def whole_view(job: Job) -> JobView:
    """A job with its attempts and artifacts."""
    return job_view(job, monitor.attempts(job.id), monitor.artifacts(job.id))
