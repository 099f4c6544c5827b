"""Who did what: one bounded stream that every process writes and people read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from . import connection, keys

MOST = 100_000  # `jobs.retention` keeps fewer; this holds where nothing runs it

_Raw = tuple[bytes, Mapping[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One act: `action` is such as queue.pause, `subject` what it was done to, `detail` what more there is to say."""

    id: str
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


def note(actor: str, action: str, subject: str, **detail: Any) -> None:
    """Write down what was done; the newest KEEP_AUDIT are kept."""
    fields = {"actor": actor, "action": action, "subject": subject, "detail": json.dumps(detail)}
    with connection.translate_errors():
        connection.client().xadd(keys.AUDIT, fields, maxlen=MOST, approximate=True)  # type: ignore[arg-type]


def entries(before: str | None = None, limit: int = 50) -> list[Entry]:
    """The newest acts first; `before` is the id of the last one seen."""
    newest = f"({before}" if before else "+"
    with connection.translate_errors():
        found = cast("list[_Raw]", connection.client().xrevrange(keys.AUDIT, newest, "-", count=limit))
    return [_entry(entry_id.decode(), fields) for entry_id, fields in found]


def _entry(entry_id: str, fields: Mapping[bytes, bytes]) -> Entry:
    text = {name.decode(): value.decode("utf-8", "replace") for name, value in fields.items()}
    at = datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC)
    detail = text.get("detail") or "{}"
    return Entry(entry_id, at, text.get("actor", ""), text.get("action", ""), text.get("subject", ""), _read(detail))


def _read(detail: str) -> dict[str, Any]:
    try:
        value = json.loads(detail)
    except ValueError:
        value = detail
    return value if isinstance(value, dict) else {"text": value}
