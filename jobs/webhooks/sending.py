"""One delivery: a job that posts an event, notes what came of it and tries again for a day and a half."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from .. import logs, outbound, signing
from ..context import current_job
from ..errors import WebhookMissing
from ..registry import INTERNAL, task
from ..retries import Discard, Retry, RetryLater
from . import changing, deliveries
from .subscriptions import Webhook

NAME = INTERNAL + "webhook"
PING = "webhook.ping"
DELAYS = (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400)
"""Seconds before each further attempt; the last one is about 32 hours after the first."""

_KEPT = 3 * 86_400  # seconds that a delivery can be sent again after it was accepted
_SECONDS = 15.0
_GONE = 410

log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt; `status` is None when there was no answer, `wait` what Retry-After asks for."""

    status: int | None
    error: str
    response: str
    seconds: float
    wait: float | None = None
    hopeless: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and self.status // 100 == 2


@task(name=NAME, timeout=60, retry=Retry(max=len(DELAYS)), result_ttl=_KEPT)
def send(
    webhook: str, event: str, type: str, timestamp: str, data: dict[str, JsonValue], asked: bool = False
) -> dict[str, Any]:
    """Post an event to a webhook; `asked` by a person, it is sent although the webhook is switched off."""
    found = _find(webhook)
    if found is None or not (found.active or asked):
        deliveries.skip(webhook)
        return {"skipped": "the webhook is switched off" if found else "the webhook was deleted"}
    body = json.dumps({"type": type, "timestamp": timestamp, "data": data}, separators=(",", ":"))
    outcome = _attempt(found, event, body)
    final = type == PING or outcome.status == _GONE
    done = final or outcome.delivered or outcome.hopeless or current_job().attempt >= current_job().max_attempts
    reason = deliveries.note(webhook, event, type, outcome, gone=outcome.status == _GONE, done=done)
    if reason:
        log.warning("Webhook switched off", webhook=webhook, url=found.url, reason=reason)
    _judge(outcome, final=final)
    return {"delivered": outcome.delivered, "status": outcome.status, "error": outcome.error}


def _find(webhook_id: str) -> Webhook | None:
    try:
        return changing.get(webhook_id)
    except WebhookMissing:
        return None


def _attempt(webhook: Webhook, event: str, body: str) -> Outcome:
    began = time.monotonic()
    try:
        reply = asyncio.run(_post(webhook, event, body))
    except outbound.OutboundRefused as error:
        return Outcome(None, str(error), "", time.monotonic() - began, hopeless=True)
    except outbound.OutboundFailed as error:
        return Outcome(None, str(error), "", time.monotonic() - began)
    text = reply.body.decode("utf-8", "replace")
    wait = outbound.retry_after(reply.headers, datetime.now(UTC))
    said = "" if reply.status // 100 == 2 else f"it answered {reply.status}"
    return Outcome(reply.status, said, text, time.monotonic() - began, wait)


async def _post(webhook: Webhook, event: str, body: str) -> outbound.Reply:
    signed = signing.headers(changing.signing_secrets(webhook.id), event, datetime.now(UTC), body)
    headers = {**signed, "Content-Type": "application/json", "Accept-Encoding": "identity"}
    async with outbound.client(seconds=_SECONDS) as client:
        request = client.build_request("POST", webhook.url, headers=headers, content=body.encode())
        return await outbound.send(client, request, seconds=_SECONDS, max_bytes=deliveries.KEPT_OF_RESPONSE)


def _judge(outcome: Outcome, *, final: bool) -> None:
    """Every answer but 2xx is tried again, as Standard Webhooks says; not 410, which has switched the webhook off."""
    if outcome.delivered or final:
        return
    if outcome.hopeless:
        raise Discard(outcome.error)
    delay = DELAYS[min(current_job().attempt, len(DELAYS)) - 1] * random.uniform(0.9, 1.1)  # noqa: S311 # nosec B311
    raise RetryLater(max(1.0, outcome.wait) if outcome.wait is not None else delay, outcome.error)
