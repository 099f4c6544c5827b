"""Which addresses may be told: judged when a webhook is made, and by the same guard at every delivery."""

from __future__ import annotations

import asyncio
import threading
from urllib.parse import urlsplit

from ..errors import WebhookRefused
from ..outbound import Guard, OutboundRefused
from ..settings import current_settings

_PATIENCE = 1.5  # seconds; a slow name server must not hold up the request that makes a webhook


def check(url: str) -> None:
    """Refuse an address that a delivery would refuse; raises WebhookRefused.

    A name that cannot be resolved now passes: the delivery judges it again.
    """
    guard = Guard.allowing(current_settings().outbound_allow)
    try:
        guard.check_url(url)
    except OutboundRefused as error:
        raise WebhookRefused(str(error)) from None
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise WebhookRefused("the address holds a user name or password, which every page and log would show")
    reason = _refusal(guard, parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme])
    if reason:
        raise WebhookRefused(reason)


def _refusal(guard: Guard, host: str, port: int) -> str:
    """Why the addresses behind a name may not be called. Resolving cannot be interrupted, hence the thread."""
    said: list[str] = []

    def look() -> None:
        try:
            asyncio.run(guard.resolve(host, port))
        except OutboundRefused as error:
            said.append(str(error))
        except (OSError, UnicodeError):
            pass

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return said[0] if said else ""
