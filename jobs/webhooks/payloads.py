"""What a delivery says: the job as its views show it, with secrets hidden, without traceback unless asked for."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from .. import keys as job_keys
from .. import records, redaction
from ..connection import Client
from ..records import Job
from .subscriptions import Event

STATUS = {Event.FINISHED: "finished", Event.FAILED: "scheduled", Event.DEAD: "failed"}
_KEPT_OF_MESSAGE = 200

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry of the outbox: `fields` are those of lua/parts/events.lua."""

    entry: str
    type: Event
    task: str
    fields: Mapping[str, str]

    @property
    def id(self) -> str:
        """What receivers know the event by."""
        return f"evt_{self.entry}"

    @property
    def at(self) -> str:
        """When it was noted, as ISO 8601."""
        return _time(int(self.entry.partition("-")[0]) / 1000)

    @property
    def job(self) -> str:
        """The job's id; empty for what happens to schedules."""
        return self.fields.get("job", "")


def read(entry: bytes, raw: Mapping[bytes, bytes]) -> Happening:
    """An entry of the outbox; raises KeyError or ValueError when a later release wrote it."""
    fields = {name.decode(): value.decode("utf-8", "replace") for name, value in raw.items()}
    return Happening(entry.decode(), Event(fields["type"]), fields["task"], fields)


def load(happenings: Sequence[Happening], client: Client) -> list[object]:
    """The record of each event's job, of whatever shape, in one round trip."""
    with client.pipeline(transaction=False) as pipe:
        for happening in happenings:
            pipe.hgetall(job_keys.job(happening.job or "-"))
        return pipe.execute(raise_on_error=False)


def briefly(data: Data) -> Data:
    """The same without what may be long, for a job whose arguments leave no room; `omitted` says so."""
    error = data.get("error") and data["error"] | {"message": data["error"]["message"][:_KEPT_OF_MESSAGE]}
    return data | {"args": None, "tags": [], "error": error, "omitted": ["args", "tags", "traceback"]}


def traceback_of(happening: Happening, client: Client) -> str | None:
    """The traceback of the attempt that the event is about; None when it has none or is no longer kept."""
    found = client.xrevrange(job_keys.results(happening.job)) if happening.job else []
    for _, entry in cast("list[tuple[bytes, dict[bytes, bytes]]]", found):
        if entry.get(b"attempt", b"").decode() == happening.fields["attempt"] and b"exc_string" in entry:
            return _unpacked(entry[b"exc_string"])
    return None


def _unpacked(raw: bytes) -> str | None:
    try:
        return zlib.decompress(b64decode(raw)).decode("utf-8", "replace")
    except (ValueError, zlib.error):
        return None


def data_of(happening: Happening, raw: object) -> Data:
    """The data of an event, `raw` is its job's record; raises KeyError or ValueError when a later release wrote it."""
    if happening.type is Event.MISSED:
        return _missed(happening)
    fields = happening.fields
    own = {
        "id": happening.job,
        "task": happening.task,
        "queue": fields["queue"],
        "status": STATUS[happening.type],
        "attempt": int(fields["attempt"]),
        "started_at": _time(float(fields["started"])),
        "ended_at": _time(float(fields["ended"])),
        "error": json.loads(fields["error"]) if fields["error"] else None,
    }
    return _of_record(happening.job, raw) | own


def _of_record(job_id: str, raw: object) -> Data:
    """What only the record knows, which may have been deleted meanwhile."""
    try:
        job = records.read(job_id, cast("dict[bytes, bytes]", raw))
    except (KeyError, ValueError, TypeError, AttributeError):
        return {"args": None, "tags": [], "max_attempts": None, "created_at": None, "schedule": None, "tick": None}
    return _shown(job)


def _shown(job: Job) -> Data:
    return {
        "args": redaction.arguments(job.task, job.args),
        "tags": list(job.tags),
        "max_attempts": job.max_attempts,
        "created_at": job.created_at.isoformat(),
        "schedule": job.schedule,
        "tick": job.tick,
    }


def _missed(happening: Happening) -> Data:
    fields = happening.fields
    return {
        "schedule": fields["schedule"],
        "task": happening.task,
        "first": _time(int(fields["first"]) / 1000),
        "last": _time(int(fields["last"]) / 1000),
        "count": int(fields["count"]) if fields["count"] else None,
        "reason": fields["reason"],
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
