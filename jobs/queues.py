"""What a person does to a queue: pause, resume, empty. Each says who did it, and raises RedisUnavailable."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from . import audit, connection, keys, monitor
from .errors import QueueMissing
from .priorities import names_of
from .scripts import script
from .verbs import rq_time

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Pause:
    """Why, since when and by whom a queue is paused."""

    note: str
    at: datetime
    by: str


def require(name: str) -> None:
    """Raise QueueMissing unless the settings name this queue or a job was ever put in it."""
    if name not in monitor.queue_names():
        raise QueueMissing(name)


def paused() -> dict[str, Pause]:
    """The queues that are paused."""
    return {name.decode(): _pause(value) for name, value in connection.read_hash(keys.PAUSED).items()}


def pause(name: str, *, note: str, by: str) -> None:
    """Start no more jobs of a queue; those that run go on, and new ones are accepted. Workers obey within seconds."""
    said = {"note": note, "at": time.time(), "by": by}
    with connection.translate_errors():
        connection.client().hset(keys.PAUSED, name, json.dumps(said))
    audit.note(by, "queue.pause", name, note=note)


def resume(name: str, *, by: str) -> None:
    """Start jobs of a queue again; one that is not paused stays as it is."""
    with connection.translate_errors():
        was_paused = connection.client().hdel(keys.PAUSED, name)
    if was_paused:
        audit.note(by, "queue.resume", name)


def pause_all(*, note: str, by: str) -> list[str]:
    """Start no more jobs of any queue; gives those that were not paused before, whose reasons stay as they are."""
    said, found = {"note": note, "at": time.time(), "by": by}, [*monitor.queue_names()]
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for name in found:
            pipe.hsetnx(keys.PAUSED, name, json.dumps(said))
        changed = [name for name, new in zip(found, pipe.execute(), strict=True) if new]
    if changed:
        audit.note(by, "queue.pause", "all queues", note=note, queues=changed)
    return changed


def resume_all(*, by: str) -> list[str]:
    """Start jobs of every queue again; gives those that were paused."""
    found = sorted(paused())
    if found:
        with connection.translate_errors():
            connection.client().hdel(keys.PAUSED, *found)
        audit.note(by, "queue.resume", "all queues", queues=found)
    return found


def empty(name: str, *, by: str) -> int:
    """Cancel every job that waits in a queue now; gives how many. Their records stay, so each can be tried again."""
    removed = sum(_canceled(name))
    audit.note(by, "queue.empty", name, removed=removed)
    return removed


def _canceled(name: str) -> Iterator[int]:
    """Only as many as wait now: jobs that keep coming in must not keep us here."""
    for one in names_of(name):
        yield from _canceled_of(keys.queue(one))


def _canceled_of(waiting: str) -> Iterator[int]:
    with connection.translate_errors():
        client = connection.client()
        left = client.llen(waiting)
        while left > 0:
            done: int = script("empty")([waiting], [min(left, _AT_ONCE), rq_time(time.time())], client)
            left = left - done if done else 0
            yield done


def _pause(raw: bytes) -> Pause:
    said = json.loads(raw)
    return Pause(said["note"], datetime.fromtimestamp(said["at"], UTC), said["by"])
