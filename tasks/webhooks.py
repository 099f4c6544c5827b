"""Webhooks: tell another service what happened, signed, so that it can trust the message."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from jobs import Discard, Retry, RetryLater, current_job, outbound, signing, task
from jobs.settings import current_settings

from ._fields import Headers, WebAddress

Event = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]

_SECONDS = 15.0
_REPLY_BYTES = 2_048
_OURS = {"host", "content-length", "content-type", "transfer-encoding", "connection"}
_TRY_AGAIN = {408, 425, 429}
_GONE = 410


class DeliveryFailed(Exception):
    """The receiver did not accept the message now; it may later."""


@task(timeout=60, retry=Retry(max=10, base=10, cap=6 * 3600, give_up_on=(outbound.OutboundRefused,)))
async def deliver(
    url: WebAddress,
    type: Event,
    data: JsonValue,
    timestamp: AwareDatetime | None = None,
    secret: Annotated[str, Field(min_length=24, max_length=200)] | None = None,
    headers: Headers | None = None,
) -> dict[str, Any]:
    """POST an event as JSON, signed as Standard Webhooks says, and try again for hours while the receiver is down.

    The body is `{"type", "timestamp", "data"}`. `timestamp` is when it happened (default: the first attempt).
    `webhook-id` is the job's id, the same in every attempt, so a receiver can drop what it has seen.
    `secret` (`whsec_…`) is the receiver's own; without it WEBHOOK_SECRET signs.
    """
    extra, body = _headers(headers or {}), _body(type, data, timestamp)
    reply = await _post(url, secret, extra, body)
    _judge(reply)
    current_job().log(f"delivered to {reply.url}", status=reply.status)
    return {"status": reply.status, "url": reply.url, "reply": reply.body.decode(errors="replace")}


def _headers(given: dict[str, str]) -> dict[str, str]:
    taken = sorted(name for name in given if name.lower() in _OURS or name.lower().startswith("webhook-"))
    if taken:
        raise Discard(f"headers that are set here cannot be given: {', '.join(taken)}")
    return given


def _body(type: str, data: JsonValue, timestamp: datetime | None) -> str:
    at = timestamp.isoformat() if timestamp else _first_attempt()
    return json.dumps({"type": type, "timestamp": at, "data": data}, separators=(",", ":"))


def _first_attempt() -> str:
    """Kept in the job's state: a receiver that compares bodies must not see a new event in a second attempt."""
    job = current_job()
    if job.state is None:
        job.checkpoint({"timestamp": datetime.now(UTC).isoformat(timespec="seconds")})
    return str(job.state["timestamp"])


async def _post(url: str, secret: str | None, headers: dict[str, str], body: str) -> outbound.Reply:
    signed = _signature(secret, current_job().id, datetime.now(UTC), body)
    async with outbound.client(seconds=_SECONDS) as client:
        sent = headers | signed | {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        request = client.build_request("POST", url, headers=sent, content=body.encode())
        return await outbound.send(client, request, seconds=_SECONDS, max_bytes=_REPLY_BYTES)


def _signature(secret: str | None, message_id: str, at: datetime, body: str) -> dict[str, str]:
    try:
        return signing.headers([secret or _own_secret()], message_id, at, body)
    except ValueError as error:
        raise Discard("the webhook secret must be 'whsec_' and base64 text") from error


def _own_secret() -> str:
    given = current_settings().webhook_secret
    if given is None:
        raise Discard("there is no secret to sign with: set WEBHOOK_SECRET, or give `secret`")
    return given.get_secret_value()


def _judge(reply: outbound.Reply) -> None:
    """Accepted, to be tried again, or hopeless."""
    if reply.status // 100 == 2:
        return
    if reply.status == _GONE:
        raise Discard(f"{reply.url} answered 410 Gone: it wants no more messages")
    if reply.status // 100 == 3:
        raise Discard(f"{reply.url} answered {reply.status}: a POST can follow only 307 and 308")
    if reply.status // 100 == 4 and reply.status not in _TRY_AGAIN:
        raise Discard(f"{reply.url} answered {reply.status}: {_excerpt(reply)}")
    _try_again(reply)


def _try_again(reply: outbound.Reply) -> None:
    reason = f"{reply.url} answered {reply.status}: {_excerpt(reply)}"
    wait = outbound.retry_after(reply.headers, datetime.now(UTC))
    if wait is not None:
        raise RetryLater(wait, f"{reason} (it asks for {wait:.0f} s)")
    raise DeliveryFailed(reason)


def _excerpt(reply: outbound.Reply) -> str:
    return " ".join(reply.body[:200].decode(errors="replace").split()) or "nothing more"
