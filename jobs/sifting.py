"""Which of many jobs fit a filter, by a glance at the few fields that it asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from . import connection, keys, listing, records
from .scripts import script
from .views import Filter

_AT_ONCE = 500  # records for a call of the script, which takes the server about a millisecond
_EPOCH = datetime.fromtimestamp(0, UTC)

Fields = Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class Glance:
    """As much of a job as filters ask for; what this filter does not ask for is empty."""

    task: str
    status: str
    queue: str
    tags: Sequence[str] = ()
    created_at: datetime = _EPOCH
    args: dict[str, Any] = field(default_factory=dict)


def fitting(job_ids: Sequence[str], wanted: Filter) -> list[bool]:
    """Whether each job fits; a record that cannot be read fits nothing."""
    asked = ("status", "origin", "task", *_more(wanted))
    found: list[bool] = []
    for start in range(0, len(job_ids), _AT_ONCE):
        some = [keys.job(job_id) for job_id in job_ids[start : start + _AT_ONCE]]
        with connection.translate_errors():
            seen = cast("list[Fields | None]", script("glance")(some, asked, connection.client()))
        found += [fields is not None and _fits(dict(zip(asked, fields, strict=True)), wanted) for fields in seen]
    return found


def count(wanted: Filter, most: int) -> tuple[int, bool]:
    """How many of the newest jobs fit, looking at no more than `most`; and whether that is all there are."""
    cursor, fit, looked = None, 0, 0
    while looked < most:
        size = min(2 * _AT_ONCE, most - looked)
        ahead = listing.after(cursor, wanted.status, wanted.queue, size + 1)
        here = [found.job_id for found in ahead[:size]]
        fit, looked = fit + sum(fitting(here, wanted)), looked + len(here)
        if len(ahead) <= size:
            return fit, True
        cursor = ahead[size - 1].cursor
    return fit, False


def _more(wanted: Filter) -> tuple[str, ...]:
    """What costs more to read is asked for only where it counts."""
    times = wanted.since is not None or wanted.until is not None
    named = {"tags": wanted.tag is not None, "created_at": times, "data": wanted.text is not None}
    return tuple(name for name, is_asked in named.items() if is_asked)


def _fits(fields: dict[str, bytes | None], wanted: Filter) -> bool:
    try:
        glance = _glance(fields, wanted.text)
    except (ValueError, KeyError, TypeError):
        return False
    return glance is not None and wanted.fits(glance)


def _glance(fields: dict[str, bytes | None], text: str | None) -> Glance | None:
    """None for a record that is none, or whose arguments cannot have the text."""
    task, status, queue = fields["task"], fields["status"], fields["origin"]
    if task is None or status is None or queue is None:
        return None
    data, tags, created = (fields.get(name) for name in ("data", "tags", "created_at"))
    if data is not None and text is not None and not records.may_say(data, text):
        return None
    return Glance(
        task=task.decode(),
        status=status.decode(),
        queue=queue.decode(),
        tags=json.loads(tags) if tags else (),
        created_at=datetime.fromisoformat(created.decode()) if created else _EPOCH,
        args=records.call(data)[1] if data else {},
    )
