"""What a person does to a schedule. Web and command line call the same functions; the clock sees the result in Redis.

Every function notes its actor in the audit log, and raises ScheduleMissing when there is no such schedule,
ScheduleConflict when its state does not allow the act, and RedisUnavailable. `now` is the server's time unless given.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .. import connection, descriptions
from ..connection import Client
from ..errors import ScheduleConflict, ScheduleDefinitionError, ScheduleMissing
from ..scripts import Value, script
from ..settings import current_settings
from . import keys, planning, rules, store, words
from .deciding import Decider
from .definitions import Definition, changed, define, in_zone, require_id, sketch
from .leases import Lease
from .proposing import job_of
from .reads import get_schedule, next_ticks
from .ticks import count_ticks, next_tick
from .views import ScheduleView
from .writing import Writer, range_args

_TRIES = 20
_HISTORY_KEPT = 30 * 86_400
_COUNTED = 100_000
_SLOWEST, _FASTEST = 0.01, 6_000  # ticks of a backfill in a minute


@dataclass(frozen=True, slots=True)
class Preview:
    """What a definition means: in words, and as the dates of its next ticks on the wall clock of its time zone."""

    definition: Definition
    words: str
    ticks: tuple[datetime, ...]


def preview(fields: Mapping[str, Any], count: int = 6) -> Preview:
    """Say what a definition would do, without saving it; needs no id and no task. Raises ScheduleDefinitionError."""
    definition = in_zone(sketch(**{"id": "preview", "task": "", **fields}), current_settings().timezone)
    with connection.translate_errors():
        return Preview(definition, words.in_words(definition), tuple(next_ticks(definition, count)))


def create(fields: Mapping[str, Any], *, actor: str) -> ScheduleView:
    """Make a schedule that no code declares; `fields` are those of Definition.

    Raises ScheduleDefinitionError, and ScheduleConflict when the id is taken.
    """
    definition = in_zone(define(**fields), current_settings().timezone)
    client = connection.client()
    with connection.translate_errors():
        now = store.time_of(client)
        if next_tick(definition.rule, now) is None:
            raise ScheduleDefinitionError(f"schedule {definition.id!r}: it never fires, because its time has passed")
        if Writer(client, actor).save(definition, None, now) == "exists":
            raise ScheduleConflict(f"there is a schedule with the id {definition.id!r} already")
    return get_schedule(definition.id)


def edit(
    schedule_id: str,
    changes: Mapping[str, Any],
    *,
    actor: str,
    revision: int | None = None,
    now: datetime | None = None,
) -> ScheduleView:
    """Change some fields. What the old rule still owes is decided first, and a new rule holds from now on.

    With `revision`, nothing is changed unless that is the present one (ScheduleConflict). Raises
    ScheduleDefinitionError. The change of a declared schedule lasts until its declaration in the code changes.
    """
    client = connection.client()
    decider = Decider(client, current_settings(), Lease(client, name=actor))

    def attempt() -> str:
        found, instant = _find(schedule_id, client, revision), _instant(client, now)
        before = _at(revision, decider.settled(changed(found.definition, changes), instant) or found)
        return Writer(client, actor).save(changed(before.definition, changes), before, instant)

    with connection.translate_errors():
        _until_unchanged(schedule_id, attempt)
    return get_schedule(schedule_id)


def remove(schedule_id: str, *, actor: str, revision: int | None = None) -> None:
    """Delete a schedule. One that the code declares can only be disabled (ScheduleConflict)."""
    args: list[Value] = [schedule_id, "" if revision is None else revision, actor, _HISTORY_KEPT]
    match _run("remove_schedule", schedule_id, args):
        case b"changed":
            raise ScheduleConflict(f"schedule {schedule_id!r} has been changed meanwhile")
        case b"code":
            raise ScheduleConflict(f"schedule {schedule_id!r} is declared in the code: disable it, or remove it there")


def pause(schedule_id: str, *, note: str, actor: str) -> None:
    """Keep back the ticks of a schedule until it is resumed; a further pause replaces the note."""
    _run("pause_schedule", schedule_id, [schedule_id, note, actor])


def resume(schedule_id: str, *, actor: str, catch_up: bool = False, now: datetime | None = None) -> None:
    """End a pause. The ticks kept back are missed, or with `catch_up` are late ones and follow the catch-up policy."""
    client = connection.client()
    how = "with catch-up" if catch_up else "without catch-up"

    def attempt() -> str:
        found, instant = _find(schedule_id, client), _instant(client, now)
        missed = None if catch_up else planning.kept_back(found, instant)
        due = planning.next_due(found, missed.tick if missed else found.floor) if found.definition.enabled else None
        args = [schedule_id, found.revision, found.cursor, "" if due is None else due, actor, how, *range_args(missed)]
        return str(_run("resume_schedule", schedule_id, args).decode())

    with connection.translate_errors():
        _until_unchanged(schedule_id, attempt)


def run_now(schedule_id: str, *, actor: str, key: str | None = None) -> str:
    """Enqueue a schedule's job once, besides its ticks; gives the job's id, which is the same for the same `key`.

    Raises ScheduleConflict while its last job is active, unless it allows overlap.
    """
    client = connection.client()
    with connection.translate_errors():
        definition = _find(schedule_id, client).definition
        now = store.time_of(client)
        digest = hashlib.sha256((key or secrets.token_hex(16)).encode()).hexdigest()[:16]
        job_id = definition.job_id(f"run-{digest}")
        args = [schedule_id, definition.overlap, actor, *_job(definition, now, job_id)]
        outcome, *rest = _run("run_schedule", schedule_id, args)
    if outcome == b"busy":
        raise ScheduleConflict(f"the last job of {schedule_id!r}, {rest[0].decode()}, is still active")
    return job_id


def backfill(schedule_id: str, start: datetime, end: datetime, *, actor: str, per_minute: float = 60.0) -> int | None:
    """Enqueue the jobs of the ticks from `start` to `end`, both included, at a rate; gives their number if it is small.

    The range ends with the last tick that is decided, so no tick of the future is taken. A tick whose job is still
    stored is passed over, and unless overlap is allowed each waits for the one before. Raises ScheduleConflict while
    another backfill of this schedule is under way.
    """
    client = connection.client()
    with connection.translate_errors():
        found = _find(schedule_id, client)
        after, until = rules.milliseconds(start) - 1, min(rules.milliseconds(end), found.cursor)
        if not _SLOWEST <= per_minute <= _FASTEST:
            rates = f"{_SLOWEST:g} to {_FASTEST:,} ticks a minute"
            raise ScheduleConflict(f"a backfill enqueues {rates}, not {per_minute:g}")
        pace = round(60_000 / per_minute)
        args: list[Value] = [schedule_id, after, until, pace, actor, secrets.token_hex(8)]
        if _run("begin_backfill", schedule_id, args) == b"busy":
            raise ScheduleConflict(f"a backfill of {schedule_id!r} is under way already")
        return count_ticks(found.definition.rule, after, until, _COUNTED)


def end_backfill(schedule_id: str, *, actor: str) -> None:
    """Stop a backfill; the jobs it has enqueued stay."""
    _run("end_backfill", schedule_id, [schedule_id, actor])


def _instant(client: Client, now: datetime | None) -> int:
    return store.time_of(client) if now is None else rules.milliseconds(now)


def _job(definition: Definition, now: int, job_id: str) -> list[Value]:
    settings = current_settings()
    job = job_of(definition, now, settings, datetime.fromtimestamp(now / 1000, UTC), job_id)
    return descriptions.alone(job, settings)


def _run(verb: str, schedule_id: str, args: list[Value]) -> Any:
    require_id(schedule_id)
    with connection.translate_errors():
        reply = script(verb)(keys.touched(schedule_id), args, connection.client())
    if reply in (b"gone", [b"gone"]):
        raise ScheduleMissing(schedule_id)
    return reply


def _find(schedule_id: str, client: Client, revision: int | None = None) -> store.Stored:
    require_id(schedule_id)
    found = store.find(schedule_id, client)
    if found is None:
        raise ScheduleMissing(schedule_id)
    return _at(revision, found)


def _at(revision: int | None, found: store.Stored) -> store.Stored:
    if revision not in (None, found.revision):
        raise ScheduleConflict(f"schedule {found.id!r} has been changed meanwhile: it is at {found.revision}")
    return found


def _until_unchanged(schedule_id: str, attempt: Callable[[], str]) -> None:
    """Try again while somebody else, such as the clock, writes between our read and our write."""
    for _ in range(_TRIES):
        reply = attempt()
        if reply == "gone":
            raise ScheduleMissing(schedule_id)
        if reply != "changed":
            return
    raise ScheduleConflict(f"schedule {schedule_id!r} is being changed by others")
