"""Write definitions: one script, which refuses when somebody else has written meanwhile."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from ..connection import Client
from ..scripts import Value, script
from . import keys, planning, rules
from .definitions import Definition
from .planning import Step
from .sending import Call
from .store import Stored


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes for one actor; `release` is set when the code of that release is the author."""

    client: Client
    actor: str
    release: str = ""

    def save(self, definition: Definition, before: Stored | None, now: int, *, digest: str = "") -> str:
        """Create a schedule, or replace the definition of the one that was read as `before`.

        Gives `saved`, or why nothing was changed: changed, gone, exists or outdated.
        """
        call = self.call(definition, before, now, digest=digest)
        reply: bytes = call.script(keys.touched(definition.id), call.args, self.client)
        return reply.decode()

    def call(self, definition: Definition, before: Stored | None, now: int, *, digest: str = "") -> Call:
        """What `save` would send; the same call sent twice is one change."""
        after = _state(definition, before, now)
        state = [definition.id, before.revision if before else "", after.cursor, after.since, definition.text()]
        policy = [rules.period(definition.max_overlap), definition.pause_after or ""]
        author = [_source(before, digest), digest, self.release, _due(after), self.actor, _action(before)]
        args = [*state, *policy, *author, secrets.token_hex(8), *_left_behind(before, after, now)]
        return Call(definition.id, script("save_schedule"), args)


def range_args(step: Step | None) -> list[Value]:
    """A missed range as the end of a script's arguments."""
    if step is None:
        return []
    return [step.first or step.tick, step.tick, "" if step.count is None else step.count, step.reason]


def _state(definition: Definition, before: Stored | None, now: int) -> Stored:
    """What the schedule will be. A new rule, and one that comes back, hold from now on, not for the past."""
    if before is None:
        return Stored(definition, cursor=now, since=now)
    same = before.definition.rule == definition.rule and before.definition.enabled and not before.retired
    return replace(before, definition=definition, since=before.since if same else now, retired=False)


def _left_behind(before: Stored | None, after: Stored, now: int) -> list[Value]:
    if before is None:
        return range_args(planning.past(after, now))
    if after.since == before.since:
        return []
    return range_args(planning.left_behind(before, now))


def _source(before: Stored | None, digest: str) -> str:
    if digest:
        return "code"
    return "" if before else "runtime"


def _action(before: Stored | None) -> str:
    return "schedule.edit" if before else "schedule.create"


def _due(stored: Stored) -> Value:
    due = planning.next_due(stored, stored.floor) if stored.active else None
    return "" if due is None else due
