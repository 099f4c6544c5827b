"""The part of the OpenAPI document that is about what we send: one entry for each kind of webhook message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from .schemas.messages import JobMessage, MissedMessage, PingMessage

MESSAGES: Mapping[str, tuple[type[BaseModel], str]] = {
    "job.finished": (JobMessage, "A job has finished."),
    "job.failed": (JobMessage, "An attempt failed or crashed, and another one follows."),
    "job.dead": (JobMessage, "A job has used up its attempts, and waits for a person."),
    "schedule.missed": (MissedMessage, "Ticks of a schedule will not run."),
    "webhook.ping": (PingMessage, "Somebody wants to see whether messages arrive."),
}

_SIGNED = {
    "webhook-id": "The same in every attempt: drop what you have seen.",
    "webhook-timestamp": "Unix seconds of this attempt: refuse what is older than five minutes.",
    "webhook-signature": "One or two signatures as Standard Webhooks says, any of which must be right: `v1,` and the "
    "base64 of an HMAC-SHA256 over `<id>.<timestamp>.<body>`, keyed with what follows `whsec_` in the secret.",
}
_ANSWERS = {
    "2XX": {"description": "Taken. Answer within 15 seconds, and do the work afterwards."},
    "410": {"description": "Nobody listens here any more: the webhook is switched off."},
    "default": {"description": "Sent again later, for a day and a half; `Retry-After` is honoured."},
}


def webhooks(schemas: str) -> dict[str, Any]:
    """Every message we send; `schemas` is where the document keeps the models."""
    return {kind: {"post": _operation(kind, *told, schemas)} for kind, told in MESSAGES.items()}


def _operation(kind: str, model: type[BaseModel], summary: str, schemas: str) -> dict[str, Any]:
    schema = {"$ref": schemas + model.__name__}
    return {
        "operationId": "hear_" + kind.replace(".", "_"),
        "summary": summary,
        "tags": ["webhooks"],
        "security": [],
        "parameters": [_header(name, about) for name, about in _SIGNED.items()],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": _ANSWERS,
    }


def _header(name: str, about: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "description": about, "schema": {"type": "string"}}
