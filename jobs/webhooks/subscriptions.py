"""Who is told of what: webhooks as they are stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import cast

from ..connection import Client, translate_errors
from . import keys


class Event(StrEnum):
    """What can happen to a job or a schedule; `job.failed` is an attempt that another one follows."""

    FINISHED = "job.finished"
    FAILED = "job.failed"
    DEAD = "job.dead"
    MISSED = "schedule.missed"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of events; its secret is not here, so that nothing shows it by mistake.

    `tasks` are patterns of the task names it hears of; `failures` counts failed attempts since the last success, the
    first of which was at `failing_since`; `disabled_because` says why it was switched off when nobody did.
    """

    id: str
    url: str
    events: tuple[Event, ...]
    tasks: tuple[str, ...]
    description: str
    traceback: bool
    active: bool
    created_by: str
    created_at: datetime
    failures: int = 0
    failing_since: datetime | None = None
    disabled_because: str | None = None

    def wants(self, event: str, task: str) -> bool:
        """Whether it is to be told of this event of this task."""
        return self.active and event in self.events and any(fnmatchcase(task, pattern) for pattern in self.tasks)


def load(client: Client) -> list[Webhook]:
    """Every webhook, the newest first. Raises RedisUnavailable."""
    with translate_errors():
        ids = [raw.decode() for raw in cast("list[bytes]", client.zrevrange(keys.ALL, 0, -1))]
        with client.pipeline(transaction=False) as pipe:
            for webhook_id in ids:
                pipe.hgetall(keys.webhook(webhook_id))
            found = pipe.execute()
    return [read(webhook_id, raw) for webhook_id, raw in zip(ids, found, strict=True) if raw]


def read(webhook_id: str, raw: Mapping[bytes, bytes]) -> Webhook:
    """A webhook from its hash."""
    text = {name.decode(): value.decode() for name, value in raw.items()}
    since = text.get("failing_since")
    return Webhook(
        id=webhook_id,
        url=text["url"],
        events=tuple(Event(name) for name in json.loads(text["events"]) if name in set(Event)),
        tasks=tuple(json.loads(text["tasks"])),
        description=text["description"],
        traceback=text["traceback"] == "1",
        active=text["active"] == "1",
        created_by=text["created_by"],
        created_at=datetime.fromisoformat(text["created_at"]),
        failures=int(text.get("failures", 0)),
        failing_since=datetime.fromtimestamp(float(since), UTC) if since else None,
        disabled_because=text.get("disabled_because") or None,
    )
