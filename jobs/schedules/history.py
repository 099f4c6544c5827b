"""What became of the ticks of a schedule: a bounded list, newest first, with how each job ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from .. import connection
from .. import keys as job_keys
from . import keys

_MOST, _A_FEW = 600, 120

Entry = tuple[bytes, Mapping[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class TickView:
    """One entry; times are aware UTC.

    `kind` is tick (decided, or run by hand), missed (a range from `first` to `tick`, of `count` ticks when they were
    counted), paused, resumed, retired, backfilled or removed. `outcome` is enqueued, waiting, skipped or missed;
    `job_outcome` what the job came to: its status, or unknown when its record has expired. `late` is in seconds.
    """

    id: str
    at: datetime
    kind: str
    tick: datetime | None
    first: datetime | None
    count: int | None
    outcome: str
    reason: str
    job: str | None
    job_outcome: str | None
    by: str
    late: float | None


def history(schedule_id: str, limit: int = 20) -> list[TickView]:
    """The last entries of a schedule; empty when there is none, also for a schedule that never was."""
    return _histories([schedule_id], "-", _MOST)[schedule_id][:limit]


def since(schedule_ids: Sequence[str], start: datetime) -> dict[str, list[TickView]]:
    """What became of the ticks of several schedules since an instant, by the last 120 entries of each."""
    return _histories(schedule_ids, f"{round(start.timestamp() * 1000)}-0", _A_FEW)


def _histories(schedule_ids: Sequence[str], oldest: str, count: int) -> dict[str, list[TickView]]:
    with connection.translate_errors():
        with connection.client().pipeline(transaction=False) as pipe:
            for schedule_id in schedule_ids:
                pipe.xrevrange(keys.history(schedule_id), "+", oldest, count=count)
            found = cast("list[list[Entry]]", pipe.execute())
        entries = [entry for history in found for _, entry in history]
        ended = {entry[b"job"]: entry[b"outcome"].decode() for entry in entries if entry[b"kind"] == b"ended"}
        jobs = {entry[b"job"] for entry in entries if entry.get(b"job")} - ended.keys()
        outcomes = ended | _statuses(sorted(jobs))
    return {name: _views(history, outcomes) for name, history in zip(schedule_ids, found, strict=True)}


def _views(found: Sequence[Entry], outcomes: Mapping[bytes, str]) -> list[TickView]:
    return [_view(entry_id.decode(), entry, outcomes) for entry_id, entry in found if entry[b"kind"] != b"ended"]


def _statuses(jobs: Sequence[bytes]) -> dict[bytes, str]:
    """Those of jobs whose end the clock has not noted yet."""
    with connection.client().pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.hget(job_keys.job(job.decode()), "status")
        replies = cast("list[bytes | None]", pipe.execute())
    return {job: status.decode() if status else "unknown" for job, status in zip(jobs, replies, strict=True)}


def _view(entry_id: str, entry: Mapping[bytes, bytes], outcomes: Mapping[bytes, str]) -> TickView:
    text = {name.decode(): value.decode() for name, value in entry.items()}
    return TickView(
        id=entry_id,
        at=_instant(int(entry_id.partition("-")[0])),
        kind=text["kind"],
        tick=_time(text.get("tick")),
        first=_time(text.get("first")),
        count=int(text["count"]) if text.get("count") else None,
        outcome=text.get("outcome", ""),
        reason=text.get("reason", ""),
        job=text.get("job") or None,
        job_outcome=outcomes.get(entry.get(b"job", b"")),
        by=text.get("by", ""),
        late=max(0.0, int(text["late"]) / 1000) if text.get("late") else None,
    )


def _time(text: str | None) -> datetime | None:
    return _instant(int(text)) if text else None


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
