"""Ids of jobs, newest first, from the structures that RQ and we keep, a page at a time.

A cursor names the last job seen, not a position, so that jobs which arrive meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

from . import connection, keys
from .priorities import names_of

_REGISTRIES = {
    "scheduled": "scheduled",
    "started": "wip",
    "finished": "finished",
    "failed": "failed",
    "stopped": "failed",
    "canceled": "canceled",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A job's id, and the cursor that asks for what comes after it."""

    job_id: str
    cursor: str


def after(cursor: str | None, status: str | None, queue: str | None, count: int) -> list[Found]:
    """At most `count` jobs after a cursor; fewer mean that there are no more. Raises ValueError for a bad cursor."""
    if status == "queued":
        return _from_lists(_list_names(queue), cursor, count)
    return _from_sets([key for key, _ in sources(status, queue)], cursor, count)


def sources(status: str | None, queue: str | None) -> list[tuple[str, bool]]:
    """The keys that name the jobs of a state, each with whether it is a list; without one, of all jobs in any queue."""
    if status is None:
        return [(keys.JOBS, False)]
    if status == "queued":
        return [(keys.queue(name), True) for name in _list_names(queue)]
    names = [queue] if queue else _queue_names()
    return [(keys.registry(_REGISTRIES[status], name), False) for name in names]


def _list_names(queue: str | None) -> list[str]:
    """The lists of one queue or of all; those of priorities are among RQ's queues."""
    return names_of(queue) if queue else _queue_names()


def _queue_names() -> list[str]:
    return [key.removeprefix("rq:queue:") for key in connection.read_set(keys.QUEUES)]


def _from_sets(sets: Sequence[str], cursor: str | None, count: int) -> list[Found]:
    """Merge sorted sets by score, from the highest; jobs of one score are ordered by id, as Redis does."""
    top, seal = _parse(cursor)
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for key, seen in zip(sets, _with_score(sets, top), strict=True):
            pipe.zrevrangebyscore(key, top, "-inf", start=0, num=count + seen, withscores=True)
        merged = [(score, member.decode()) for reply in pipe.execute() for member, score in reply]
    rest = _behind(sorted(merged, reverse=True), seal)
    return [Found(member.split(":")[0], f"{score!r}~{_seal(member)}") for score, member in rest[:count]]


def _behind(merged: list[tuple[float, str]], seal: str) -> list[tuple[float, str]]:
    """What comes after the job with this seal; all of it when that job has been deleted meanwhile."""
    at = next((at for at, (_, member) in enumerate(merged) if seal and _seal(member) == seal), -1)
    return merged[at + 1 :]


def _seal(member: str) -> str:
    """A cursor may be given to somebody who must not know the job it stands at."""
    return blake2b(member.encode(), digest_size=8).hexdigest()


def _with_score(sets: Sequence[str], score: float | str) -> list[int]:
    """How many jobs share the cursor's score, and may have been seen: all that ended in one second do under RQ."""
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for key in sets:
            pipe.zcount(key, score, score)
        return cast("list[int]", pipe.execute())


def _parse(cursor: str | None) -> tuple[float | str, str]:
    if cursor is None:
        return "+inf", ""
    score, _, seal = cursor.partition("~")
    return float(score), seal


def _from_lists(names: Sequence[str], cursor: str | None, count: int) -> list[Found]:
    """Waiting jobs, queue by queue and from the end of each; here a cursor is a position."""
    first, offset = (int(part) for part in (cursor or "0~0").split("~"))
    found: list[Found] = []
    for number, name in enumerate(names[first:], start=first):
        skip = offset if number == first else 0
        found += _from_list(number, name, skip, count - len(found))
        if len(found) == count:
            break
    return found


def _from_list(number: int, name: str, skip: int, count: int) -> list[Found]:
    ids = connection.read_list(keys.queue(name), -skip - count, -skip - 1)
    return [Found(job_id.decode(), f"{number}~{skip + at}") for at, job_id in enumerate(reversed(ids), start=1)]
