"""After the tick: how its job ended, and what waited for that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from .. import dispatch
from ..connection import Client
from ..errors import NightshiftError
from ..scripts import script
from ..settings import Settings
from . import keys, store
from .deciding import job_of
from .store import Stored

_BATCH = 500
_ENDED = {b"finished", b"failed", b"canceled", b"stopped", None}


class Settler:
    """Walks round the jobs of schedules that are not known to have ended, a batch at a time."""

    def __init__(self, client: Client, settings: Settings, clock: str) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._position = 0

    def run(self) -> None:
        """One step of the round; and every tick that waits gets its chance."""
        self._settle_ended()
        waiting = cast("set[bytes]", self._client.smembers(keys.WAITING))
        names = sorted(name.decode() for name in waiting)
        for found in store.load(names, self._client):
            if isinstance(found, Stored) and found.waiting is not None and found.active:
                self._start(found, found.waiting)

    def _settle_ended(self) -> None:
        jobs = cast("list[bytes]", self._client.zrange(keys.OPEN, self._position, self._position + _BATCH - 1))
        ended = self._ended(jobs)
        for job, schedule_id in ended:
            touched = [keys.schedule(schedule_id), keys.history(schedule_id)]
            script("settle_tick")(touched, [schedule_id, job], self._client)
        self._position = self._position + _BATCH - len(ended) if len(jobs) == _BATCH else 0

    def _ended(self, jobs: list[bytes]) -> list[tuple[str, str]]:
        with self._client.pipeline(transaction=False) as pipe:
            for job in jobs:
                pipe.hmget(f"rq:job:{job.decode()}", ["status", "schedule"])
            replies = pipe.execute(raise_on_error=False)
        return [
            (job.decode(), _schedule_of(job.decode(), reply))
            for job, reply in zip(jobs, replies, strict=True)
            if isinstance(reply, Exception) or reply[0] in _ENDED
        ]

    def _start(self, stored: Stored, tick: int) -> None:
        now = datetime.fromtimestamp(store.time_of(self._client) / 1000, UTC)
        try:
            job = job_of(stored.definition, tick, self._settings, now)
            described = dispatch.enqueue_args(job, self._settings, self._client)
        except NightshiftError:
            return  # the clock of another release may know the task; if none does, the next tick says so
        touched = [keys.schedule(stored.id), keys.history(stored.id)]
        args = [stored.id, tick, stored.definition.overlap, self._clock, *described]
        script("start_waiting")(touched, args, self._client)


def _schedule_of(job_id: str, reply: object) -> str:
    """From the record, or, when that has expired, from the job's id."""
    named = reply[1] if isinstance(reply, list) else None
    return named.decode() if named else job_id.rpartition("-")[0].replace("--", ".")
