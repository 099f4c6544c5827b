"""The same act on many jobs: counted first, then done as a job of its own, which tells its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from . import audit, control, failures, monitor, sifting
from .context import current_job
from .errors import JobConflict, JobMissing
from .records import Job
from .registry import INTERNAL, task
from .views import Filter

MOST = 100_000
NAME = INTERNAL + "bulk"

Action = Literal["retry", "cancel", "delete"]
Status = Literal["queued", "scheduled", "started", "finished", "failed", "canceled", "stopped"]

_WAITING = frozenset({"queued", "scheduled", "deferred"})
_ENDED_BADLY = frozenset({"failed", "stopped", "canceled"})
FITS: Mapping[Action, frozenset[str]] = {
    "retry": _ENDED_BADLY,
    "cancel": _WAITING | {"started"},
    "delete": _WAITING | _ENDED_BADLY | {"finished"},
}
"""The states of the jobs that each act is for."""

_VERBS: dict[str, Callable[[str], None]] = {
    "retry": control.requeue,
    "cancel": control.cancel,
    "delete": control.delete,
}


class Choice(BaseModel):
    """Which jobs. `group` is the fingerprint of failures that look alike; `tasks` are patterns that must fit too.

    `text` is looked for in the arguments; jobs accepted after `until` are left alone, so that what was counted is done.
    """

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    task: str | None = Field(None, max_length=200)
    queue: str | None = Field(None, max_length=64)
    tag: str | None = Field(None, max_length=64)
    group: str | None = Field(None, max_length=64)
    tasks: list[str] = ["*"]
    text: str | None = Field(None, max_length=200)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many jobs fit; when not `exact` these are those among the newest 5,000, and there may be more."""

    jobs: int
    exact: bool


def count(choice: Choice) -> Count:
    """How many jobs fit, without reading more than 5,000 of them."""
    if choice.group:
        return Count(len(failures.members(choice.group)), exact=True)
    by_record = choice.task or choice.tag or choice.text or "*" not in choice.tasks
    if not by_record and (choice.status or not choice.queue):
        return Count(monitor.stored(choice.status, choice.queue), exact=True)
    return Count(*sifting.count(Filter(**_filters(choice)), monitor.MOST_LOOKED_AT))


def chosen(choice: Choice) -> Iterator[str]:
    """The ids of the jobs that fit, at most 100,000."""
    members = set(failures.members(choice.group, MOST)) if choice.group else None
    fitting = (job.id for job in _listed(choice) if members is None or job.id in members)
    return islice(fitting, MOST)


def _listed(choice: Choice) -> Iterator[Job]:
    cursor = None
    while True:
        page = monitor.list_jobs(**_filters(choice), cursor=cursor, limit=200)
        yield from page.jobs
        cursor = page.next_cursor
        if cursor is None:
            return


def _filters(choice: Choice) -> dict[str, Any]:
    given = {name: getattr(choice, name) for name in ("status", "task", "queue", "tag", "text", "until")}
    return given | {"visible": lambda task: any(fnmatchcase(task, pattern) for pattern in choice.tasks)}


@task(name=NAME, timeout=3600, priority="high")
def apply(action: Action, choice: Choice, by: str) -> dict[str, int]:
    """Retry, cancel or delete every job that fits; one whose state has changed meanwhile is passed over."""
    ids = [job_id for job_id in chosen(choice) if job_id != current_job().id]
    done = sum(_act(action, job_id, number, len(ids)) for number, job_id in enumerate(ids, start=1))
    detail = choice.model_dump(mode="json", exclude_none=True)
    audit.note(by, f"job.{action}.bulk", choice.status or "jobs", choice=detail, done=done)
    return {"done": done, "passed_over": len(ids) - done}


def _act(action: Action, job_id: str, number: int, total: int) -> bool:
    current_job().progress(number, total)
    try:
        _VERBS[action](job_id)
    except (JobConflict, JobMissing):
        return False
    return True
