"""Views of schedules and of the clock for pages, API and command line; nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, cast

from .. import connection
from ..errors import ScheduleMissing
from . import keys, store, words
from .definitions import Definition, require_id
from .store import Stored
from .ticks import ticks_after
from .views import BackfillView, ClockStatus, ScheduleView

OVERDUE = 5_000
"""Milliseconds after which a tick that nobody has decided counts as overdue; a failover takes less."""
_SHOWN = 6


def list_schedules(after: str = "", limit: int = 1000) -> list[ScheduleView]:
    """Schedules in the order of their names, those after a name first: pass the last one to get the next page."""
    client = connection.client()
    with connection.translate_errors():
        start = f"({after}" if after else "-"
        ids = cast("list[bytes]", client.zrange(keys.ALL, start, "+", bylex=True, offset=0, num=limit))
        return _views([schedule_id.decode() for schedule_id in ids], client)


def get_schedule(schedule_id: str) -> ScheduleView:
    """One schedule; raises ScheduleMissing."""
    require_id(schedule_id)
    client = connection.client()
    with connection.translate_errors():
        found = _views([schedule_id], client)
    if not found:
        raise ScheduleMissing(schedule_id)
    return found[0]


def next_ticks(definition: Definition, count: int = _SHOWN, after: datetime | None = None) -> list[datetime]:
    """The next fire times of a definition, on the wall clock of its time zone."""
    instant = store.time_of(connection.client()) if after is None else round(after.timestamp() * 1000)
    return [definition.local(tick) for tick in islice(ticks_after(definition.rule, instant), count)]


def clock_status() -> ClockStatus:
    """Who leads, and what is overdue, in one round trip."""
    client = connection.client()
    with connection.translate_errors():
        now = store.time_of(client)
        with client.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.LEASE)
            pipe.zrangebyscore(keys.CLOCKS, now - 10_000, "+inf")
            pipe.zcard(keys.ALL)
            pipe.zcount(keys.DUE, "-inf", now - OVERDUE)
            pipe.zrange(keys.DUE, 0, 0, withscores=True)
            pipe.hgetall(keys.PROBLEMS)
            return _status(pipe.execute(), now)


def _status(replies: Sequence[Any], now: int) -> ClockStatus:
    lease, clocks, schedules, overdue, first, problems = replies
    return ClockStatus(
        leader=_text(lease.get(b"holder")),
        release=_text(lease.get(b"release")),
        lease_age=(now - int(lease[b"renewed"])) / 1000 if b"renewed" in lease else None,
        clocks=tuple(name.decode() for name in clocks),
        schedules=schedules,
        overdue=overdue,
        worst=max(0.0, (now - first[0][1]) / 1000) if first else 0.0,
        problems={name.decode(): reason.decode() for name, reason in problems.items()},
    )


def _views(ids: Sequence[str], client: connection.Client) -> list[ScheduleView]:
    now = store.time_of(client)
    raw = cast("Mapping[bytes, bytes]", client.hgetall(keys.PROBLEMS))
    problems = {name.decode(): reason.decode() for name, reason in raw.items()}
    backfills = _backfills(client)

    def view(name: str, found: Stored | ValueError) -> ScheduleView:
        if isinstance(found, ValueError):
            return ScheduleView(name, problem=str(found))
        return _view(found, now, backfills, problems)

    pairs = zip(ids, store.load(ids, client), strict=True)
    return [view(name, found) for name, found in pairs if found is not None]


def _backfills(client: connection.Client) -> dict[str, BackfillView]:
    names = [name.decode() for name in cast("list[bytes]", client.zrange(keys.BACKFILLS, 0, -1))]
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(keys.backfill(name))
        return {name: _backfill(raw) for name, raw in zip(names, pipe.execute(), strict=True) if raw}


def _backfill(raw: Mapping[bytes, bytes]) -> BackfillView:
    position, end = (datetime.fromtimestamp(int(raw[name]) / 1000, UTC) for name in (b"position", b"end"))
    return BackfillView(position, end, int(raw[b"enqueued"]), raw[b"actor"].decode())


def _view(found: Stored, now: int, backfills: Mapping[str, BackfillView], problems: Mapping[str, str]) -> ScheduleView:
    definition = found.definition
    after = max(now, found.floor)
    upcoming = islice(ticks_after(definition.rule, after), _SHOWN) if found.active else ()
    return ScheduleView(
        id=found.id,
        kind=definition.kind,
        spec=words.spec(definition),
        words=words.in_words(definition),
        timezone=definition.timezone,
        task=definition.task,
        args=definition.args,
        queue=definition.queue,
        description=definition.description,
        enabled=definition.enabled,
        retired=found.retired,
        paused=found.paused,
        note=found.note,
        source=found.source,
        revision=found.revision,
        next_ticks=tuple(map(definition.local, upcoming)),
        last_tick=_local(definition, found.last_tick),
        last_job=found.last_job,
        last_outcome=found.last_outcome,
        waiting=_local(definition, found.waiting),
        failures=found.failures,
        backfill=backfills.get(found.id),
        problem=problems.get(found.id, ""),
        definition=definition,
    )


def _local(definition: Definition, tick: int | None) -> datetime | None:
    return None if tick is None else definition.local(tick)


def _text(raw: bytes | None) -> str | None:
    return raw.decode() if raw is not None else None
