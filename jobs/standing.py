"""How the service stands: its queues, its workers and its server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from . import connection, keys
from .finding import find_jobs
from .priorities import names_of, queue_of
from .records import Job
from .server import inspect
from .settings import current_settings
from .views import QueueView, ServerView, WorkerView


def queue_names() -> list[str]:
    """Every queue that a job was ever put in, and those of the settings, by name."""
    known = {queue_of(key.removeprefix("rq:queue:")) for key in connection.read_set(keys.QUEUES)}
    return sorted(known | set(current_settings().queues))


def queues(now: datetime) -> list[QueueView]:
    """The counts of every queue of the settings, and of others that are in use or paused, in two round trips.

    A name that somebody mistyped is known as long as its canceled jobs are kept; it need not be a line of every list.
    """
    names, listeners = queue_names(), [name for worker in workers() for name in worker.queues]
    paused, rows = _counted(names)
    lasting = paused | set(current_settings().queues)
    waits = _waits([row[1:6:2] for row in rows], now)
    views = [
        QueueView(name, sum(row[0:6:2]), row[6], row[7], row[8], row[9], wait, listeners.count(name), row[0], row[4])
        for name, row, wait in zip(names, rows, waits, strict=True)
    ]
    return [view for view in views if view.in_use or view.name in lasting]


def _counted(names: Sequence[str]) -> tuple[set[str], list[Any]]:
    """The queues that are paused; and of each that is named, for its lists by priority length and head, then counts."""
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        pipe.hkeys(keys.PAUSED)
        for name in names:
            for waiting in names_of(name):
                pipe.llen(keys.queue(waiting))
                pipe.lindex(keys.queue(waiting), 0)
            for kind in ("wip", "scheduled", "failed", "finished"):
                pipe.zcard(keys.registry(kind, name))
        paused, *replies = pipe.execute()
    return {name.decode() for name in paused}, [replies[at : at + 10] for at in range(0, len(replies), 10)]


def workers() -> list[WorkerView]:
    """Every supervisor whose heartbeat has not run out."""
    found = connection.read_set(keys.WORKERS)
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for key in found:
            pipe.hgetall(key)
        hashes = pipe.execute()
    return [_worker(key, raw) for key, raw in zip(found, hashes, strict=True) if raw]


def server() -> ServerView:
    """What the Redis server says of itself."""
    return inspect(connection.client())


def _waits(heads: Sequence[Sequence[bytes | None]], now: datetime) -> list[float | None]:
    """The longest wait of the jobs that are next in the lists of each queue."""
    ids = [head.decode() for queue in heads for head in queue if head]
    jobs = dict(zip(ids, find_jobs(ids), strict=True)) if ids else {}
    waits = [[_wait(jobs[head.decode()], now) for head in queue if head] for queue in heads]
    return [max((wait for wait in queue if wait is not None), default=None) for queue in waits]


def _wait(job: Job | None, now: datetime) -> float | None:
    return max(0.0, (now - job.enqueued_at).total_seconds()) if job and job.enqueued_at else None


def _worker(key: str, raw: Mapping[bytes, bytes]) -> WorkerView:
    text = {name.decode(): value.decode() for name, value in raw.items()}
    return WorkerView(
        name=key.removeprefix("rq:worker:"),
        hostname=text.get("hostname", ""),
        pid=int(text.get("pid") or 0),
        state=text.get("state", "?"),
        queues=tuple(name for name in text.get("queues", "").split(",") if name),
        current_job=text.get("current_job") or None,
        heartbeat=_time(text.get("last_heartbeat")),
        started_at=_time(text.get("birth")),
        horses=int(text.get("horses") or 1),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
