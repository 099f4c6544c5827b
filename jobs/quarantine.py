"""What cannot be run: which jobs, why, and the record of each as it was found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from . import connection, keys
from .errors import JobMissing


@dataclass(frozen=True, slots=True)
class Entry:
    """One job. `dead_letter` when its record could still be read as one: it is listed as failed, too."""

    job_id: str
    queue: str
    reason: str
    at: datetime
    dead_letter: bool


@dataclass(frozen=True, slots=True)
class Record:
    """What was found: its type on the server, and its parts by name; `""` is the name of a plain string."""

    type: str
    parts: Mapping[str, bytes]


def entries(limit: int = 100) -> list[Entry]:
    """The newest. Raises RedisUnavailable."""
    listed = connection.read_hash(keys.QUARANTINE)
    found = [(job_id.decode("utf-8", "replace"), json.loads(told)) for job_id, told in listed.items()]
    newest = sorted(found, key=lambda one: str(one[1]["at"]), reverse=True)[:limit]
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for job_id, _ in newest:
            pipe.exists(keys.job(job_id))
        dead_letters = pipe.execute()
    return [_entry(job_id, told, bool(dead)) for (job_id, told), dead in zip(newest, dead_letters, strict=True)]


def _entry(job_id: str, told: Mapping[str, str], dead_letter: bool) -> Entry:
    return Entry(job_id, told["queue"], told["reason"], datetime.fromisoformat(told["at"]), dead_letter)


def record(job_id: str) -> Record:
    """The record of one of them. Raises JobMissing when it is not in quarantine, and RedisUnavailable."""
    client = connection.client()
    with connection.translate_errors():
        if not client.hexists(keys.QUARANTINE, job_id):
            raise JobMissing(job_id)
        key = keys.quarantined(job_id) if client.exists(keys.quarantined(job_id)) else keys.job(job_id)
        kind = cast("bytes", client.type(key)).decode()
        return Record(kind, _parts(client, key, kind))


def _parts(client: connection.Client, key: str, kind: str) -> Mapping[str, bytes]:
    match kind:
        case "none":
            return {}
        case "hash":
            fields: Any = client.hgetall(key)
            return {name.decode("utf-8", "backslashreplace"): value for name, value in fields.items()}
        case "string":
            return {"": cast("bytes", client.get(key))}
        case "list":
            items: Any = client.lrange(key, 0, -1)
            return {str(number): item for number, item in enumerate(items)}
        case _:
            return {"as DUMP gives it": client.dump(key) or b""}
