"""After the tick: how its job ended, what waited for that, and the ticks of backfills."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from .. import descriptions
from .. import keys as job_keys
from ..connection import Client
from ..errors import NightshiftError
from ..scripts import Value, script
from ..settings import Settings
from . import keys, store
from .proposing import job_of
from .store import Stored
from .ticks import next_tick

_BATCH = 500
_AT_ONCE = 200  # ticks of backfills in one step
_LOOK_AGAIN = 60_000  # milliseconds after which a backfill is tried again whose job this release cannot make
_ENDED = {b"finished", b"failed", b"canceled", b"stopped", None}


class Settler:
    """Looks after what the clock has enqueued, a batch at a time."""

    def __init__(self, client: Client, settings: Settings, clock: str) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._position = 0

    def settle(self) -> None:
        """One step of a round through the jobs that are not known to have ended."""
        members = cast("list[bytes]", self._client.zrange(keys.OPEN, self._position, self._position + _BATCH - 1))
        pairs = [member.decode().split(":") for member in members]
        ended = self._ended([(pair[0], pair[1]) for pair in pairs])
        for schedule_id, job in ended:
            script("settle_tick")(keys.touched(schedule_id), [schedule_id, job], self._client)
        self._position = self._position + _BATCH - len(ended) if len(members) == _BATCH else 0

    def start_waiting(self) -> None:
        """Enqueue the ticks that waited for the end of the job before them."""
        names = sorted(name.decode() for name in cast("set[bytes]", self._client.smembers(keys.WAITING)))
        for found in store.load(names, self._client):
            if isinstance(found, Stored) and found.waiting is not None:
                described = self._job(found, found.waiting)
                args = [found.id, found.waiting, found.definition.overlap, self._clock, *described]
                if described:
                    script("start_waiting")(keys.touched(found.id), args, self._client)

    def backfill(self) -> None:
        """Enqueue the ticks of backfills that are due."""
        for _ in range(_AT_ONCE):
            now = store.time_of(self._client)
            due = cast("list[bytes]", self._client.zrange(keys.BACKFILLS, "-inf", now, byscore=True, offset=0, num=1))
            if not due:
                return
            self._backfill_tick(due[0].decode())

    def _backfill_tick(self, schedule_id: str) -> None:
        found = store.find(schedule_id, self._client)
        position, end = self._client.hmget(keys.backfill(schedule_id), ["position", "end"])
        if found is None or position is None or end is None:
            self._client.zrem(keys.BACKFILLS, schedule_id)
            return
        tick = next_tick(found.definition.rule, int(position))
        left = tick is not None and tick <= int(end)
        described = self._job(found, tick) if left and tick is not None else []
        if left and not described:
            self._client.zadd(keys.BACKFILLS, {schedule_id: store.time_of(self._client) + _LOOK_AGAIN}, xx=True)
            return
        args = [schedule_id, position, tick if left and tick else "", found.definition.overlap, *described]
        script("backfill_tick")(keys.touched(schedule_id), args, self._client)

    def _ended(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        with self._client.pipeline(transaction=False) as pipe:
            for _, job in pairs:
                pipe.hget(job_keys.job(job), "status")
            statuses = pipe.execute(raise_on_error=False)
        known = zip(pairs, statuses, strict=True)
        return [pair for pair, status in known if isinstance(status, Exception) or status in _ENDED]

    def _job(self, stored: Stored, tick: int) -> list[Value]:
        """A tick's job as scripts take it; empty when this release cannot make it."""
        now = datetime.fromtimestamp(store.time_of(self._client) / 1000, UTC)
        try:
            job = job_of(stored.definition, tick, self._settings, now)
            return descriptions.alone(job, self._settings)
        except NightshiftError:
            return []
