"""Dead letters in groups: the same task, the same exception, the same line."""

from __future__ import annotations

import hashlib
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, cast

from . import connection, keys, monitor
from .records import Job

MOST = 1000
_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.+)$', re.MULTILINE)
_SAMPLES = 20
_BATCH = 200


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Dead letters that look alike. `frame` is the line that raised; `job_ids` are the newest of them, at most 20.

    `traceback` is that of the newest.
    """

    fingerprint: str
    task: str
    error_type: str
    message: str
    frame: str
    count: int
    first_seen: datetime
    last_seen: datetime
    job_ids: tuple[str, ...]
    traceback: str


def groups(task: str | None = None, queue: str | None = None) -> list[FailureGroup]:
    """The newest 1,000 dead letters in groups, the largest group first."""
    jobs = list(islice(_dead_letters(task, queue), MOST))
    found: dict[tuple[str, str, str], list[tuple[Job, str]]] = {}
    for job, trace in zip(jobs, _tracebacks(jobs), strict=True):
        found.setdefault((job.task, _error_type(job), _frame(trace)), []).append((job, trace))
    made = [_group(alike, [job for job, _ in like], like[0][1]) for alike, like in found.items()]
    return sorted(made, key=lambda group: (-group.count, group.fingerprint))


def members(fingerprint: str, among: int = MOST) -> list[str]:
    """The ids of the dead letters in a group, the newest first, among so many; empty when there is no such group."""
    letters, found = islice(_dead_letters(None, None), among), list[str]()
    while some := list(islice(letters, _BATCH)):
        read = zip(some, _tracebacks(some), strict=True)
        found += [
            job.id for job, trace in read if _fingerprint(job.task, _error_type(job), _frame(trace)) == fingerprint
        ]
    return found


def _dead_letters(task: str | None, queue: str | None) -> Iterator[Job]:
    cursor = None
    while True:
        page = monitor.list_jobs(status="failed", task=task, queue=queue, cursor=cursor, limit=_BATCH)
        yield from page.jobs
        cursor = page.next_cursor
        if cursor is None:
            return


def _tracebacks(jobs: Sequence[Job]) -> list[str]:
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.xrevrange(keys.results(job.id), count=1)
        replies = cast("list[list[tuple[bytes, Mapping[bytes, bytes]]]]", pipe.execute())
    return [_unpacked(reply[0][1].get(b"exc_string", b"")) if reply else "" for reply in replies]


def _frame(traceback: str) -> str:
    """The innermost line of a traceback, without the folder, which differs between releases."""
    found = list(_FRAME.finditer(traceback))
    return f"{found[-1]['file'].rpartition('/')[2]}:{found[-1]['line']} in {found[-1]['name']}" if found else ""


def _unpacked(packed: bytes) -> str:
    try:
        return zlib.decompress(b64decode(packed)).decode("utf-8", "replace")
    except (ValueError, zlib.error):
        return ""


def _group(alike: tuple[str, str, str], jobs: Sequence[Job], traceback: str) -> FailureGroup:
    times = [job.ended_at or job.created_at for job in jobs]
    message = jobs[0].error.message if jobs[0].error else ""
    return FailureGroup(
        fingerprint=_fingerprint(*alike),
        task=alike[0],
        error_type=alike[1],
        message=message,
        frame=alike[2],
        count=len(jobs),
        first_seen=min(times),
        last_seen=max(times),
        job_ids=tuple(job.id for job in jobs[:_SAMPLES]),
        traceback=traceback,
    )


def _error_type(job: Job) -> str:
    return job.error.type if job.error else ""


def _fingerprint(*parts: Any) -> str:
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).hexdigest()
