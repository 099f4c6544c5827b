"""Webhooks made, changed, switched off and removed; every act is in the audit."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from .. import audit, connection
from ..errors import WebhookConflict, WebhookMissing
from ..scripts import Value, script
from . import addresses, keys
from .subscriptions import Event, Webhook, load, read

MOST = 100
KEPT_AFTER_ROTATION = 86_400  # seconds for which deliveries are signed with the secret before, too
_NO_ROOM = -1


def all_webhooks() -> list[Webhook]:
    """Every webhook, the newest first."""
    return load(connection.client())


def get(webhook_id: str) -> Webhook:
    """A webhook; raises WebhookMissing."""
    raw = connection.read_hash(keys.webhook(webhook_id))
    if b"url" not in raw:
        raise WebhookMissing(webhook_id)
    return read(webhook_id, raw)


def create(
    url: str,
    events: Iterable[Event],
    *,
    by: str,
    tasks: Iterable[str] = ("*",),
    description: str = "",
    traceback: bool = False,
) -> tuple[Webhook, str]:
    """Make a webhook; gives it with the secret it signs with, which is never shown again.

    Raises WebhookRefused for an address that may not be called, WebhookConflict when there are 100 already.
    """
    addresses.check(url)
    webhook_id, secret = f"wh_{secrets.token_hex(8)}", new_secret()
    made = Webhook(
        *(webhook_id, url, tuple(events), tuple(tasks), description, traceback),
        active=True,
        created_by=by,
        created_at=datetime.now(UTC),
    )
    if _save(webhook_id, {**_fields(made), "secret": secret}, created=made.created_at.timestamp()) == _NO_ROOM:
        raise WebhookConflict(f"there are {MOST} webhooks already, which is the most")
    audit.note(by, "webhook.create", webhook_id, url=url, events=list(made.events), tasks=list(made.tasks))
    return made, secret


def change(webhook_id: str, changes: Mapping[str, Any], *, by: str) -> Webhook:
    """Change url, events, tasks, description, traceback or active; raises WebhookMissing, WebhookRefused.

    One that is switched on again starts without the failures it had.
    """
    if "url" in changes:
        addresses.check(changes["url"])
    fields = {name: _text(value) for name, value in changes.items()}
    if changes.get("active"):
        fields |= {"failures": "0", "failing_since": "", "disabled_because": ""}
    _change(webhook_id, fields)
    audit.note(by, "webhook.change", webhook_id, **{name: _plain(value) for name, value in changes.items()})
    return get(webhook_id)


def rotate(webhook_id: str, *, by: str) -> str:
    """A new secret, shown this once; for a day deliveries carry a signature of the old one, too."""
    old = connection.read_hash(keys.webhook(webhook_id)).get(b"secret", b"").decode()
    secret = new_secret()
    until = str(time.time() + KEPT_AFTER_ROTATION)
    _change(webhook_id, {"secret": secret, "secret_before": old, "secret_before_until": until})
    audit.note(by, "webhook.rotate", webhook_id)
    return secret


def delete(webhook_id: str, *, by: str) -> None:
    """Remove a webhook with its deliveries; what is still waiting for it is not sent. Raises WebhookMissing."""
    own = [keys.webhook(webhook_id), keys.deliveries(webhook_id)]
    names: list[Value] = [*own, keys.ALL, keys.KINDS, keys.waiting(webhook_id)]
    with connection.translate_errors():
        removed = script("delete_webhook")(names, [webhook_id], connection.client())
    if not removed:
        raise WebhookMissing(webhook_id)
    audit.note(by, "webhook.delete", webhook_id)


def signing_secrets(webhook_id: str) -> list[str]:
    """The secrets that a delivery is signed with now."""
    raw = connection.read_hash(keys.webhook(webhook_id))
    before, until = raw.get(b"secret_before", b"").decode(), float(raw.get(b"secret_before_until") or 0)
    return [raw[b"secret"].decode(), *[before][: bool(before) and time.time() < until]]


def new_secret() -> str:
    """256 random bits, as Standard Webhooks spells them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _change(webhook_id: str, fields: Mapping[str, str]) -> None:
    if not _save(webhook_id, fields):
        raise WebhookMissing(webhook_id)


def _save(webhook_id: str, fields: Mapping[str, str], created: float | None = None) -> int:
    pairs = [part for pair in fields.items() for part in pair]
    names: list[Value] = [keys.webhook(webhook_id), keys.ALL, keys.KINDS]
    with connection.translate_errors():
        args: list[Value] = [webhook_id, "" if created is None else repr(created), MOST, *pairs]
        return int(script("save_webhook")(names, args, connection.client()))


def _fields(made: Webhook) -> dict[str, str]:
    named = ("url", "events", "tasks", "description", "traceback", "active", "created_by")
    return {name: _text(getattr(made, name)) for name in named} | {"created_at": made.created_at.isoformat()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(_plain(value))


def _plain(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else value
