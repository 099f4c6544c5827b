"""The names of the Redis keys of webhooks."""

from __future__ import annotations

ALL = "ns:webhooks"  # sorted set: id -> created (unix s)
KINDS = "ns:webhooks:kinds"  # set: the events that an active webhook asks for; missing when there is none
OUTBOX = "ns:webhooks:outbox"  # stream: events that are not yet deliveries
LEASE = "ns:webhooks:lease"


def webhook(webhook_id: str) -> str:
    """Hash: a webhook, with the secret it signs with."""
    return f"ns:webhook:{webhook_id}"


def waiting(webhook_id: str) -> str:
    """Sorted set: the jobs of its deliveries that are still to be made -> since when (unix s)."""
    return f"ns:webhook:{webhook_id}:waiting"


def deliveries(webhook_id: str) -> str:
    """Stream: what became of its last deliveries."""
    return f"ns:webhook:{webhook_id}:deliveries"
