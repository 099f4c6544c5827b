"""Reads for pages, API and command line: raw keys only, because RQ's own accessors clean up while they look."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress
from typing import Any, cast

from . import connection, keys, listing, records, sifting
from .errors import FileMissing, JobConflict, JobExpired
from .files import File
from .finding import find_job as find_job
from .finding import find_jobs as find_jobs
from .finding import get_job as get_job
from .records import Job
from .standing import queue_names as queue_names
from .standing import queues as queues
from .standing import server as server
from .standing import workers as workers
from .views import Attempt as Attempt
from .views import Filter
from .views import Page as Page
from .views import QueueView as QueueView
from .views import ServerView as ServerView
from .views import WorkerView as WorkerView

STATUSES = ("queued", "scheduled", "started", "finished", "failed", "canceled", "stopped")
Entries = list[tuple[bytes, dict[bytes, bytes]]]

MOST_LOOKED_AT = 5_000
_SCAN = 1_000


def get_result(job_id: str) -> Any:
    """What the task returned.

    Raises JobMissing, JobExpired when it is no longer kept, and JobConflict while the job has not finished.
    """
    job = get_job(job_id)
    if job.status != "finished":
        raise JobConflict(f"job {job_id} has no result: it is {job.status}")
    for entry in _entries(job_id, newest_first=True):
        if b"return_value" in entry:
            return json.loads(b64decode(entry[b"return_value"]))
    raise JobExpired(job_id, "the result", "RESULT_TTL")


def attempts(job_id: str) -> list[Attempt]:
    """Every attempt that ended, the first one first."""
    return [_attempt(number, entry) for number, entry in enumerate(_entries(job_id), start=1)]


def log_lines(job_id: str, last: int = 1000) -> list[dict[str, Any]]:
    """The last lines of the job's log: `at` (unix seconds), `attempt`, `message` and the task's own fields."""
    return [json.loads(line) for line in connection.read_list(keys.log(job_id), -last, -1)]


def artifacts(job_id: str) -> dict[str, File]:
    """The artifacts of a job that have not expired, by name."""
    raw = connection.read_hash(keys.artifacts(job_id))
    found = {name.decode(): File(file_id.decode()) for name, file_id in sorted(raw.items())}
    return {name: file for name, file in found.items() if _exists(file)}


def artifact(job_id: str, name: str) -> File | None:
    """An artifact of a job; None when it made none of this name. Raises JobExpired when it is no longer kept."""
    with connection.translate_errors():
        raw = connection.client().hget(keys.artifacts(job_id), name)
    if raw is None:
        return None
    file = File(cast("bytes", raw).decode())
    if not _exists(file):
        raise JobExpired(job_id, f"the artifact {name!r}", "FILE_TTL")
    return file


def was_accepted(job_id: str) -> bool:
    """Whether a job of this id is in the index of all jobs, where it stays a while after its record has expired."""
    with connection.translate_errors():
        return connection.client().zscore(keys.JOBS, job_id) is not None


def list_jobs(
    *,
    status: str | None = None,
    task: str | None = None,
    queue: str | None = None,
    tag: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
    visible: Callable[[str], bool] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    text: str | None = None,
) -> Page:
    """A page of jobs.

    `status` is one of STATUSES. A page looks at no more than 5,000 jobs, so a rare filter may give a short page with
    a cursor to go on from. `visible` tells for a task's name whether its jobs are shown; `since` and `until` are
    instants between which they were accepted; `text` is looked for in the arguments that are shown.
    Raises ValueError for a cursor that this function did not give.
    """
    wanted = Filter(status, task, queue, tag, visible, since, until, text)
    chosen: list[Job] = []
    at, looked = cursor, 0
    while looked < MOST_LOOKED_AT:
        size = min(_SCAN if looked else limit, MOST_LOOKED_AT - looked)
        ahead = listing.after(at, status, queue, size + 1)  # one more tells whether there is a page after this one
        for place, (found, job) in enumerate(_worth_reading(ahead[:size], wanted, first=not looked), start=1):
            at, looked = found.cursor, looked + 1
            if job is not None and wanted.fits(job):
                chosen.append(job)
            if len(chosen) == limit:
                return Page(tuple(chosen), at if place < len(ahead) else None, looked)
        if len(ahead) <= size:
            return Page(tuple(chosen), None, looked)
    return Page(tuple(chosen), at, looked)


def stored(status: str | None = None, queue: str | None = None) -> int:
    """How many jobs have a state, in one queue or in all; stopped ones are counted with the failed. No job is read."""
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for key, is_list in listing.sources(status, queue):
            pipe.llen(key) if is_list else pipe.zcard(key)
        return sum(pipe.execute())


def arrivals(starts: Sequence[datetime], length: timedelta) -> list[int]:
    """How many jobs that are still stored were accepted in each span of time; each costs the logarithm of all jobs."""
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for start in starts:
            pipe.zcount(keys.JOBS, _milliseconds(start), f"({_milliseconds(start + length)}")
        return cast("list[int]", pipe.execute())


def _worth_reading(
    found: Sequence[listing.Found], wanted: Filter, *, first: bool
) -> list[tuple[listing.Found, Job | None]]:
    """What was found with its record; where few fit, which shows when the first ones do not, only theirs are read."""
    ids = [each.job_id for each in found]
    fit = [True] * len(ids) if first else sifting.fitting(ids, wanted)
    read = dict(zip(compress(ids, fit), find_jobs(list(compress(ids, fit))), strict=True))
    return [(each, read.get(each.job_id)) for each in found]


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _entries(job_id: str, *, newest_first: bool = False) -> list[dict[bytes, bytes]]:
    client = connection.client()
    with connection.translate_errors():
        read = client.xrevrange if newest_first else client.xrange
        return [fields for _, fields in cast("Entries", read(keys.results(job_id)))]


def _attempt(number: int, entry: Mapping[bytes, bytes]) -> Attempt:
    text = {name.decode(): value.decode() for name, value in entry.items()}
    kind, message = text.get("error_type"), text.get("error_message", "")
    return Attempt(
        number=int(text.get("attempt", number)),
        outcome=text.get("outcome") or ("finished" if text.get("type") == "1" else "failed"),
        started_at=_instant(text.get("execution_started_at")),
        ended_at=_instant(text.get("execution_ended_at")),
        worker=text.get("worker_name") or None,
        error=records.JobError(kind, message) if kind else None,
        traceback=zlib.decompress(b64decode(text["exc_string"])).decode() if text.get("exc_string") else None,
        peak_memory=int(text["peak_kb"]) * 1024 if text.get("peak_kb") else None,
    )


def _instant(seconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(float(seconds), UTC) if seconds else None


def _exists(file: File) -> bool:
    try:
        return file.size >= 0
    except FileMissing:
        return False
