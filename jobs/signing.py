"""Signatures of https://www.standardwebhooks.com, by which a receiver knows that a message is ours and is fresh."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def headers(secrets: Iterable[str], message_id: str, at: datetime, body: str) -> dict[str, str]:
    """The three headers of a message; `at` is the time of this attempt, as the standard asks.

    Several secrets give several signatures, any of which a receiver may check. Raises ValueError for a secret that is
    not `whsec_` and base64 text.
    """
    signatures = " ".join(_signature(secret, message_id, at, body) for secret in secrets)
    return {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signatures}


def _signature(secret: str, message_id: str, at: datetime, body: str) -> str:
    from standardwebhooks import Webhook  # it brings httpx, which most processes do not need

    try:
        return Webhook(secret).sign(message_id, at, body)
    except RuntimeError as error:
        raise ValueError(str(error)) from error
