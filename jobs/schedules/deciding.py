"""Decide what is due: propose it here, and let one script for each tick make it true or refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from redis.exceptions import ResponseError

from .. import logs
from ..connection import Client
from ..scripts import Value, script
from ..settings import Settings
from . import keys, planning, store
from .definitions import Definition
from .leases import Lease
from .planning import Step
from .proposing import NotYet, Proposal, Proposer
from .sending import send
from .store import Stored

log = logs.get_logger("clock")

BATCH = 200
"""Schedules that are read and decided in one go."""
STANDBY = 1_000
"""Milliseconds that a standby leaves a tick to the leader."""
_ROOM = 5_000  # milliseconds in which workers make some room for a tick that met a full queue
_LOOK_AGAIN = 60_000  # when to look again at a schedule that cannot be read or decided


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a proposal: an outcome, or the refusal of the script; `detail` is the job or the reason."""

    definition: Definition
    step: Step
    outcome: str
    detail: str


class Decider:
    """Decides ticks for one clock."""

    def __init__(self, client: Client, settings: Settings, lease: Lease) -> None:
        self._client = client
        self._lease = lease
        self._proposer = Proposer(client, settings, lease)

    def due(self) -> list[str]:
        """Up to a batch of schedules with a tick to decide; for a standby those that the leader has left lying."""
        instant = self._lease.now() - self._patience
        found = cast("list[bytes]", self._client.zrange(keys.DUE, "-inf", instant, byscore=True, offset=0, num=BATCH))
        return [schedule_id.decode() for schedule_id in found]

    def seconds_to_next(self, longest: float) -> float:
        """How long nothing will be due for this clock, at most `longest`."""
        first = cast("list[tuple[bytes, float]]", self._client.zrange(keys.DUE, 0, 0, withscores=True))
        wait = (first[0][1] + self._patience - self._lease.now()) / 1000 if first else longest
        return min(max(wait, 0.0), longest)

    def decide(self, ids: Sequence[str]) -> list[Decision]:
        """Decide what is pending for these schedules; what cannot be decided now is put off."""
        decisions = self.send(self.propose(ids, self._lease.now())) if ids else []
        for decision in decisions:
            if decision.outcome == "error":
                self._put_off(decision.definition.id, _LOOK_AGAIN)
            elif decision.outcome == "full":
                self._put_off(decision.definition.id, _ROOM)
            elif decision.outcome == "fenced":
                self._lease.fence = ""
        return decisions

    def settled(self, definition: Definition, now: int) -> Stored | None:
        """The schedule as it is; before its rule changes, what the old one still owes is decided."""
        before = store.find(definition.id, self._client)
        if before is None or not before.active or before.definition.rule == definition.rule:
            return before
        self.send(self.propose([definition.id], now))
        return store.find(definition.id, self._client)

    def propose(self, ids: Sequence[str], now: int) -> Iterator[Proposal]:
        """Read these schedules, and say what is to be decided."""
        for schedule_id, found in zip(ids, store.load(ids, self._client), strict=True):
            if isinstance(found, Stored):
                yield from self._proposals(found, now)
            else:
                self._leave(schedule_id, found)

    def send(self, proposals: Iterable[Proposal]) -> list[Decision]:
        """Let the server decide."""
        sent = list(proposals)
        replies = send(self._client, [proposal.call for proposal in sent])
        return [_decision(proposal, reply) for proposal, reply in zip(sent, replies, strict=True)]

    @property
    def _patience(self) -> int:
        return 0 if self._lease.leads else STANDBY

    def _proposals(self, stored: Stored, now: int) -> Iterator[Proposal]:
        proposed = False
        try:
            for proposal in self._proposer.proposals(stored, now) if stored.active else ():
                proposed = True
                yield proposal
        except NotYet:
            self._put_off(stored.id, STANDBY)
            return
        if not proposed:  # nothing is pending although it was due, as after an interrupted change
            due = planning.next_due(stored, stored.floor) if stored.active else None
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
        args = [schedule_id, revision, cursor, "" if due is None else due]
        script("arm_schedule")([keys.schedule(schedule_id), keys.DUE], args, self._client)


def _decision(proposal: Proposal, reply: Any) -> Decision:
    definition, step = proposal.stored.definition, proposal.step
    if isinstance(reply, ResponseError):
        return Decision(definition, step, "error", str(reply))
    outcome, detail = [part.decode() for part in chain(reply, [b""])][:2]
    return Decision(definition, step, outcome, detail)
