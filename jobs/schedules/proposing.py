"""From what is due to the calls that would decide it: a script for each tick, with its job, or each missed range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import descriptions, dispatch
from ..connection import Client
from ..dispatch import JobRequest
from ..errors import NightshiftError, UnknownTask
from ..records import Job
from ..scripts import Value, script
from ..settings import Settings
from . import planning
from .definitions import Definition
from .leases import Lease
from .planning import Step
from .sending import Call
from .store import Stored

_CHAIN = 100  # late ticks of one schedule that are decided in one go
_UNKNOWN_TASK = 60_000  # milliseconds that a tick is left to a clock of another release, which may know its task


class NotYet(Exception):
    """This clock cannot decide a tick, but another may."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One decision as a clock would have it; the script may refuse it."""

    stored: Stored
    step: Step
    call: Call


@dataclass(frozen=True, slots=True)
class Proposer:
    """Proposes in the name of one clock."""

    client: Client
    settings: Settings
    lease: Lease

    def proposals(self, stored: Stored, now: int) -> Iterator[Proposal]:
        """What is to be decided for a schedule, in order; each builds on the one before. Raises NotYet."""
        cursor = stored.cursor
        for step in planning.plan(stored, now)[:_CHAIN]:
            yield self._proposal(stored, step, cursor, now)
            cursor = step.tick

    def _proposal(self, stored: Stored, step: Step, cursor: int, now: int) -> Proposal:
        read: list[Value] = [stored.id, self.lease.fence, stored.revision, cursor, step.tick, step.due]
        verb, own = ("miss_ticks", self._range(step)) if step.reason else self._tick(stored, step, now)
        return Proposal(stored, step, Call(stored.id, script(verb), [*read, _or_empty(step.next_due), *own]))

    def _tick(self, stored: Stored, step: Step, now: int) -> tuple[str, list[Value]]:
        """A tick whose job cannot be made is a missed one, with the reason."""
        try:
            job = job_of(stored.definition, step.tick, self.settings, datetime.fromtimestamp(now / 1000, UTC))
            described = descriptions.alone(job, self.settings)
        except NightshiftError as error:
            if isinstance(error, UnknownTask) and now - step.due < _UNKNOWN_TASK:
                raise NotYet from error
            return "miss_ticks", self._range(Step(step.tick, step.due, None, step.tick, 1, str(error)))
        return "decide", [stored.definition.overlap, self.lease.name, self.settings.max_queue_depth, *described]

    def _range(self, step: Step) -> list[Value]:
        return [_or_empty(step.first), _or_empty(step.count), step.reason, self.lease.name]


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


def _or_empty(value: int | None) -> Value:
    return "" if value is None else value
