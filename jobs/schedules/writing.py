"""Write definitions: one script, which refuses when somebody else has written meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from ..connection import Client
from ..scripts import script
from . import keys, planning, rules
from .definitions import Definition
from .store import Stored


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes for one actor; `release` is set when the code of that release is the author."""

    client: Client
    actor: str
    release: str = ""

    def save(
        self, definition: Definition, before: Stored | None, now: int, *, digest: str = "", source: str = ""
    ) -> str:
        """Create a schedule, or replace the definition of the one that was read as `before`.

        Gives `saved`, or why nothing was changed: changed, gone, exists or outdated.
        """
        after = _state(definition, before, now)
        args = [
            definition.id,
            before.revision if before else "",
            after.cursor,
            after.since,
            definition.text(),
            definition.overlap,
            rules.period(definition.max_overlap),
            definition.pause_after or "",
            "code" if digest else source,
            digest,
            self.release,
            _due(after),
            self.actor,
            "schedule.edit" if before else "schedule.create",
        ]
        touched = [keys.schedule(definition.id), keys.history(definition.id)]
        reply: bytes = script("save_schedule")(touched, args, self.client)
        return reply.decode()


def _state(definition: Definition, before: Stored | None, now: int) -> Stored:
    """What the schedule will be. A new rule, and one that comes back, hold from now on, not for the past."""
    if before is None:
        return Stored(definition, 1, "", now, now, False, False, "", None, None, None, None, 0)
    same = before.definition.rule == definition.rule and before.definition.enabled and not before.retired
    return Stored(
        definition, before.revision, before.source, before.cursor, before.since if same else now,
        before.paused, False, before.note, before.waiting, None, None, None, before.failures,
    )  # fmt: skip


def _due(stored: Stored) -> int | str:
    due = planning.next_due(stored, stored.floor) if stored.active else None
    return "" if due is None else due
