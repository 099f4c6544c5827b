"""What became of deliveries, and sending one again."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from .. import audit, connection, monitor
from ..context import current_job
from ..dispatch import JobRequest, submit
from ..errors import DeliveryMissing, WebhookConflict
from ..records import Job
from ..scripts import Value, script
from ..settings import current_settings
from . import changing, keys

if TYPE_CHECKING:
    from .sending import Outcome

KEPT = 1000
KEPT_OF_RESPONSE = 1024
LEAST_FAILURES = 10  # in a row, before a webhook is switched off: more than the attempts of one delivery

_ENTRY = re.compile(r"[1-9][0-9]{0,14}-[0-9]{1,15}")
_Raw = tuple[bytes, Mapping[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver an event: `job` is the job that did it, `status` the answer's, `duration` is seconds."""

    id: str
    at: datetime
    event: str
    type: str
    job: str
    attempt: int
    status: int | None
    duration: float
    error: str
    response: str

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and self.status // 100 == 2


def note(webhook_id: str, event: str, type: str, outcome: Outcome, *, gone: bool, done: bool) -> str:
    """Write down an attempt of the running job, `done` when it was the last one.

    Gives the reason when the webhook was switched off for it.
    """
    job = current_job()
    state = "delivered" if outcome.delivered else "gone" if gone else "failed"
    fields: dict[str, Value] = {
        "event": event,
        "type": type,
        "job": job.id,
        "attempt": job.attempt,
        "status": outcome.status or "",
        "duration": f"{outcome.seconds:.3f}",
        "error": outcome.error[:500],
        "response": outcome.response,
    }
    limits: list[Value] = [current_settings().webhook_disable_after, LEAST_FAILURES, KEPT]
    own = [keys.webhook(webhook_id), keys.deliveries(webhook_id)]
    names: list[Value] = [*own, keys.ALL, keys.KINDS, keys.waiting(webhook_id)]
    pairs = [part for pair in fields.items() for part in pair]
    with connection.translate_errors():
        args = [webhook_id, state, *limits, job.id if done else "", *pairs]
        return str(script("note_delivery")(names, args, connection.client()).decode())


def skip(webhook_id: str) -> None:
    """The running job will not be delivered, and is waited for no more."""
    with connection.translate_errors():
        connection.client().zrem(keys.waiting(webhook_id), current_job().id)


def list_deliveries(webhook_id: str, before: str | None = None, limit: int = 50) -> list[Delivery]:
    """The newest first, 1,000 are kept; `before` is the id of the last one seen. Raises WebhookMissing."""
    changing.get(webhook_id)
    newest = f"({before}" if before else "+"
    with connection.translate_errors():
        found = connection.client().xrevrange(keys.deliveries(webhook_id), newest, "-", count=limit)
    return [_delivery(*entry) for entry in cast("list[_Raw]", found)]


def redeliver(webhook_id: str, delivery_id: str, *, by: str) -> Job:
    """Send what a delivery sent again, as the same message, also to a webhook that is switched off.

    Raises WebhookMissing, DeliveryMissing, and WebhookConflict when the message is no longer kept.
    """
    changing.get(webhook_id)
    sent = monitor.find_job(_find(webhook_id, delivery_id).job)
    if sent is None:
        raise WebhookConflict(f"what delivery {delivery_id} sent is no longer kept")
    job = _submit(sent.args | {"asked": True})
    audit.note(by, "webhook.redeliver", webhook_id, delivery=delivery_id, job=job.id)
    return job


def ping(webhook_id: str, *, by: str) -> Job:
    """Send a message that means nothing, once, to see whether it arrives. Raises WebhookMissing."""
    from .sending import PING  # the task notes its deliveries here

    changing.get(webhook_id)
    now = datetime.now(UTC)
    event = f"evt_ping_{secrets.token_hex(8)}"
    given = {"webhook": webhook_id, "event": event, "type": PING, "timestamp": now.isoformat(), "asked": True}
    job = _submit(given | {"data": {"webhook": webhook_id, "by": by}})
    audit.note(by, "webhook.test", webhook_id, job=job.id)
    return job


def _find(webhook_id: str, delivery_id: str) -> Delivery:
    if not _ENTRY.fullmatch(delivery_id):
        raise DeliveryMissing(delivery_id)
    with connection.translate_errors():
        found = connection.client().xrange(keys.deliveries(webhook_id), delivery_id, delivery_id)
    if not found:
        raise DeliveryMissing(delivery_id)
    return _delivery(*cast("list[_Raw]", found)[0])


def _submit(args: dict[str, Any]) -> Job:
    from .sending import NAME

    return submit(JobRequest(task=NAME, args=args, queue=current_settings().delivery_queue))


def _delivery(entry: bytes, raw: Mapping[bytes, bytes]) -> Delivery:
    text = {name.decode(): value.decode("utf-8", "replace") for name, value in raw.items()}
    return Delivery(
        id=entry.decode(),
        at=datetime.fromtimestamp(int(entry.decode().partition("-")[0]) / 1000, UTC),
        event=text["event"],
        type=text["type"],
        job=text["job"],
        attempt=int(text["attempt"]),
        status=int(text["status"]) if text["status"] else None,
        duration=float(text["duration"]),
        error=text["error"],
        response=text["response"],
    )
