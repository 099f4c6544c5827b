"""Jobs by their ids: raw keys only, because RQ's own accessors clean up while they look."""

from __future__ import annotations

from collections.abc import Sequence

from . import connection, keys, records
from .errors import JobMissing
from .records import Job


def find_job(job_id: str) -> Job | None:
    """A job, or None when there is none, or when what is stored under its id cannot be read."""
    return find_jobs([job_id])[0]


def get_job(job_id: str) -> Job:
    """A job; raises JobMissing."""
    job = find_job(job_id)
    if job is None:
        raise JobMissing(job_id)
    return job


def find_jobs(job_ids: Sequence[str]) -> list[Job | None]:
    """Several jobs in one round trip; None for those that do not exist or cannot be read."""
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for job_id in job_ids:
            pipe.hgetall(keys.job(job_id))
        raws = pipe.execute(raise_on_error=False)  # a key of another type must not hide the others
    return [_readable(job_id, raw) for job_id, raw in zip(job_ids, raws, strict=True)]


def _readable(job_id: str, raw: object) -> Job | None:
    try:
        return records.read(job_id, raw) if raw and isinstance(raw, dict) else None
    except (ValueError, KeyError, TypeError):
        return None
