"""A schedule as Redis keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ..connection import Client
from . import definitions, keys
from .definitions import Definition


@dataclass(frozen=True, slots=True)
class Stored:
    """Definition and state of one schedule; instants are milliseconds.

    `cursor` is the last decided tick, `since` the instant from which the present rule holds, `waiting` the tick that
    waits for the end of the job before it. `retired` says that the code no longer declares the schedule.
    """

    definition: Definition
    revision: int = 0
    source: str = ""
    cursor: int = 0
    since: int = 0
    paused: bool = False
    retired: bool = False
    note: str = ""
    waiting: int | None = None
    last_tick: int | None = None
    last_job: str | None = None
    last_outcome: str | None = None
    failures: int = 0

    @property
    def id(self) -> str:
        """The schedule's name."""
        return self.definition.id

    @property
    def floor(self) -> int:
        """The instant after which ticks are still to be decided."""
        return max(self.cursor, self.since)

    @property
    def active(self) -> bool:
        """Whether its ticks are decided at present."""
        return self.definition.enabled and not self.paused and not self.retired


def read(raw: Mapping[bytes, bytes]) -> Stored:
    """The view of a stored hash; raises ValueError or KeyError when it is corrupt."""
    text = {name.decode(): value.decode() for name, value in raw.items()}
    return Stored(
        definition=definitions.read(text["definition"]),
        revision=int(text["revision"]),
        source=text["source"],
        cursor=int(text["cursor"]),
        since=int(text["since"]),
        paused=text.get("paused") == "1",
        retired=text.get("retired") == "1",
        note=text.get("note", ""),
        waiting=int(text["waiting"]) if text.get("waiting") else None,
        last_tick=int(text["last_tick"]) if text.get("last_tick") else None,
        last_job=text.get("last_job"),
        last_outcome=text.get("last_outcome"),
        failures=int(text.get("failures", "0")),
    )


def load(ids: Sequence[str], client: Client) -> list[Stored | ValueError | None]:
    """Several schedules in one round trip; None for one that does not exist, a ValueError for a corrupt one."""
    with client.pipeline(transaction=False) as pipe:
        for schedule_id in ids:
            pipe.hgetall(keys.schedule(schedule_id))
        replies = pipe.execute(raise_on_error=False)
    return [_readable(raw) for raw in replies]


def find(schedule_id: str, client: Client) -> Stored | None:
    """One schedule; None when it does not exist or its record is corrupt."""
    [found] = load([schedule_id], client)
    return found if isinstance(found, Stored) else None


def _readable(raw: object) -> Stored | ValueError | None:
    try:
        if isinstance(raw, Exception):
            raise ValueError(str(raw)) from raw
        return read(cast("Mapping[bytes, bytes]", raw)) if raw else None
    except (ValueError, KeyError) as error:
        return ValueError(f"its record is corrupt: {error!r}")


def time_of(client: Client) -> int:
    """The time of the server, which is the clock of all."""
    seconds, micros = client.time()
    return seconds * 1000 + micros // 1000
