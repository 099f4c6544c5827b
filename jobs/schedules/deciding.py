"""Decide what is due: plan it here, and let one script for each tick make it true or refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, cast

from redis.exceptions import NoScriptError, ResponseError

from .. import dispatch, logs
from ..connection import Client
from ..dispatch import JobRequest
from ..errors import NightshiftError, UnknownTask
from ..records import Job
from ..scripts import Script, Value, script
from ..settings import Settings
from . import keys, planning, store
from .definitions import Definition
from .leases import Lease
from .planning import Step
from .store import Stored

log = logs.get_logger("clock")

BATCH = 200
"""Schedules that are read and decided in one go."""
STANDBY = 1_000
"""Milliseconds that a standby leaves a tick to the leader."""
_UNKNOWN_TASK = 60_000  # how long a tick is left to a clock of another release, which may know its task
_LOOK_AGAIN = 60_000  # when to look again at a schedule that cannot be read or decided
_CHAIN = 100  # late ticks of one schedule that are decided in one go


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a step: an outcome, or the refusal of the script; `detail` is the job or the reason."""

    definition: Definition
    step: Step
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class Call:
    """One script to be sent, for a step of a schedule."""

    stored: Stored
    step: Step
    script: Script
    args: Sequence[Value]


class Decider:
    """Decides ticks for one clock."""

    def __init__(self, client: Client, settings: Settings, lease: Lease) -> None:
        self._client = client
        self._settings = settings
        self._lease = lease

    @property
    def _patience(self) -> int:
        return 0 if self._lease.leads else STANDBY

    def due(self) -> list[str]:
        """Up to a batch of schedules with a tick to decide; for a standby those that the leader has left lying."""
        return due_before(self._client, self._lease.now() - self._patience)

    def decide(self, ids: Sequence[str]) -> list[Decision]:
        """Decide what is pending for these schedules; what cannot be decided now is put off."""
        decisions = self._send(self._calls(ids, self._lease.now())) if ids else []
        for decision in decisions:
            if decision.outcome == "error":
                self._put_off(decision.definition.id, _LOOK_AGAIN)
            elif decision.outcome == "fenced":
                self._lease.fence = ""
        return decisions

    def seconds_to_next(self, longest: float) -> float:
        """How long nothing will be due for this clock, at most `longest`."""
        following = cast(
            "list[tuple[bytes, float]]",
            self._client.zrange(keys.DUE, "-inf", "+inf", byscore=True, offset=0, num=1, withscores=True),
        )
        wait = (following[0][1] + self._patience - self._lease.now()) / 1000 if following else longest
        return min(max(wait, 0.0), longest)

    def settled(self, definition: Definition, now: int) -> Stored | None:
        """The schedule as it is; before its rule changes, what the old one still owes is decided."""
        before = store.find(definition.id, self._client)
        if before and before.active and before.definition.rule != definition.rule:
            self._send(self._steps(before, now))
            return store.find(definition.id, self._client)
        return before

    def _calls(self, ids: Sequence[str], now: int) -> Iterator[Call]:
        for schedule_id, found in zip(ids, store.load(ids, self._client), strict=True):
            if not isinstance(found, Stored):
                self._leave(schedule_id, found)
            elif found.active:
                yield from self._steps(found, now)
            else:
                self._look(schedule_id, found.revision, found.cursor, None)

    def _steps(self, stored: Stored, now: int) -> Iterator[Call]:
        steps = planning.plan(stored, now)
        if not steps:
            self._arm(stored)
        cursor = stored.cursor
        for step in steps[:_CHAIN]:
            call = self._call(stored, step, cursor, now)
            if call is None:
                return
            yield call
            cursor = step.tick

    def _call(self, stored: Stored, step: Step, cursor: int, now: int) -> Call | None:
        read: list[Value] = [
            stored.id,
            self._lease.fence,
            stored.revision,
            cursor,
            step.tick,
            step.due,
            _or_empty(step.next_due),
        ]
        if step.reason:
            return self._missed(stored, step, read)
        try:
            job = job_of(stored.definition, step.tick, self._settings, _moment(now))
            described = dispatch.enqueue_args(job, self._settings, self._client)
        except NightshiftError as error:
            if isinstance(error, UnknownTask) and now - step.due < _UNKNOWN_TASK:
                self._put_off(stored.id, STANDBY)
                return None
            return self._failed(stored, step, read, error)
        return Call(stored, step, script("decide"), [*read, stored.definition.overlap, self._lease.name, *described])

    def _failed(self, stored: Stored, step: Step, read: list[Value], error: NightshiftError) -> Call:
        return self._missed(stored, Step(step.tick, step.due, step.next_due, step.tick, 1, str(error)), read)

    def _missed(self, stored: Stored, step: Step, read: list[Value]) -> Call:
        own = [_or_empty(step.first), _or_empty(step.count), step.reason, self._lease.name]
        return Call(stored, step, script("miss_ticks"), [*read, *own])

    def _send(self, calls: Iterable[Call]) -> list[Decision]:
        sent = list(calls)
        replies = send(self._client, sent)
        return [_decision(call, reply) for call, reply in zip(sent, replies, strict=True)]

    def _arm(self, stored: Stored) -> None:
        """Nothing is pending although it is due, as after an interrupted change: look at the right time instead."""
        due = planning.next_due(stored, stored.floor)
        self._look(stored.id, stored.revision, stored.cursor, due)

    def _leave(self, schedule_id: str, unreadable: ValueError | None) -> None:
        """A record that does not exist is never due again; one that is corrupt waits for its repair."""
        if unreadable is None:
            self._look(schedule_id, "", "", None)
        else:
            log.error("A schedule cannot be read", schedule=schedule_id, reason=str(unreadable))
            self._put_off(schedule_id, _LOOK_AGAIN)

    def _put_off(self, schedule_id: str, delay: int) -> None:
        self._client.zadd(keys.DUE, {schedule_id: self._lease.now() + delay}, xx=True)

    def _look(self, schedule_id: str, revision: Value, cursor: Value, due: int | None) -> None:
        script("arm_schedule")(
            [keys.schedule(schedule_id), keys.DUE], [schedule_id, revision, cursor, _or_empty(due)], self._client
        )


def due_before(client: Client, instant: int, most: int = BATCH) -> list[str]:
    """The schedules with a tick to decide, the most overdue first."""
    found = cast("list[bytes]", client.zrange(keys.DUE, "-inf", instant, byscore=True, offset=0, num=most))
    return [schedule_id.decode() for schedule_id in found]


def job_of(definition: Definition, tick: int, settings: Settings, now: datetime, job_id: str | None = None) -> Job:
    """The job of a tick; raises UnknownTask or InvalidArguments when this release cannot make it."""
    request = JobRequest(
        task=definition.task,
        args=definition.args,
        queue=definition.queue,
        job_id=job_id or definition.job_id(tick),
        schedule=definition.id,
        tick=definition.local(tick).isoformat(),
    )
    return dispatch.prepare(request, settings, now)


def send(client: Client, calls: Sequence[Call]) -> list[Any]:
    """Run the scripts in one round trip; the reply of one that failed is its error."""
    replies = _pipelined(client, calls)
    if any(isinstance(reply, NoScriptError) for reply in replies):
        for text in {call.script.text for call in calls}:
            client.script_load(text)
        again = _pipelined(client, calls)
        replies = [old if _decided(old) else new for old, new in zip(replies, again, strict=True)]
    return replies


def _decided(reply: Any) -> bool:
    return isinstance(reply, list) and reply[0] in {b"enqueued", b"waiting", b"skipped", b"missed"}


def _pipelined(client: Client, calls: Sequence[Call]) -> list[Any]:
    with client.pipeline(transaction=False) as pipe:
        for call in calls:
            touched = keys.touched(call.stored.id)
            pipe.evalsha(call.script.sha, len(touched), *touched, *call.args)
        return pipe.execute(raise_on_error=False)


def _decision(call: Call, reply: Any) -> Decision:
    if isinstance(reply, ResponseError):
        return Decision(call.stored.definition, call.step, "error", str(reply))
    if isinstance(reply, Exception):
        raise reply
    outcome, detail = [part.decode() for part in chain(reply, [b""])][:2]
    return Decision(call.stored.definition, call.step, outcome, detail)


def _or_empty(value: int | None) -> Value:
    return "" if value is None else value


def _moment(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1000, UTC)
