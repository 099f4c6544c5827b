"""Every error answer is a problem document (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from jobs.errors import (
    DeliveryMissing,
    FileMissing,
    IdempotencyKeyReused,
    InvalidArguments,
    JobConflict,
    JobExpired,
    JobMissing,
    NightshiftError,
    QueueFull,
    QueueMissing,
    RedisUnavailable,
    ScheduleConflict,
    ScheduleDefinitionError,
    ScheduleMissing,
    TokenMissing,
    TooLarge,
    UnknownTask,
    WebhookConflict,
    WebhookMissing,
    WebhookRefused,
    WorkerMissing,
)
from jobs.logs import get_logger

from . import tracing
from .calls import call
from .schemas.problems import Fault, ProblemView

MEDIA_TYPE = "application/problem+json"
_DRAIN = 10  # seconds in which workers make some room
_TYPE = "urn:nightshift:problem:"

log = get_logger(__name__)


class Refused(Exception):
    """A request that is answered with a problem: its status, a stable code, and one sentence for a person."""

    def __init__(self, status: int, code: str, detail: str, *, faults: Iterable[Fault] = (), **extra: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.faults, self.extra = list(faults), extra


def install(app: Flask) -> None:
    """Answer every error of every route of this app."""
    app.register_error_handler(Refused, answer)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(NightshiftError, lambda error: answer(translate(error)))
    app.register_error_handler(Exception, _unexpected)


def urn(code: str) -> str:
    """The stable name of a problem."""
    return _TYPE + code


def answer(refused: Refused) -> Response:
    """The problem document of a refusal, with the headers that its status asks for."""
    status = HTTPStatus(refused.status)
    document = ProblemView(
        type=urn(refused.code),
        title=status.phrase,
        status=status.value,
        detail=refused.detail,
        instance=call().path,
        request_id=tracing.request_id(),
        errors=refused.faults or None,
        **refused.extra | _whole_seconds(refused),
    )
    body = document.model_dump_json(exclude_none=True)
    return Response(body, status.value, _headers(refused), content_type=MEDIA_TYPE)


def _headers(refused: Refused) -> Mapping[str, str]:
    headers = {"Cache-Control": "no-store"}
    if refused.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="nightshift"'
    if "retry_after" in refused.extra:
        headers["Retry-After"] = str(_whole_seconds(refused)["retry_after"])
    return headers


def _whole_seconds(refused: Refused) -> dict[str, int]:
    """Rounded up, as the header has no fractions and an early retry would be refused again."""
    wait = refused.extra.get("retry_after")
    return {} if wait is None else {"retry_after": max(1, math.ceil(wait))}


def translate(error: NightshiftError) -> Refused:
    """What an error of the core means to a client."""
    for kind, meaning in _MEANINGS.items():
        if isinstance(error, kind):
            return meaning(error)
    return Refused(400, "refused", str(error))


def _too_large(error: Any) -> Refused:
    return Refused(413, "too-large", str(error), limit=error.limit, setting=error.setting)


def _invalid_arguments(error: Any) -> Refused:
    faults = [Fault(pointer="#/args" + found.pointer, detail=found.message) for found in error.problems]
    return Refused(422, "invalid-arguments", f"the arguments do not fit the task {error.task}", faults=faults)


def _queue_full(error: Any) -> Refused:
    return Refused(429, "queue-full", str(error), limit=error.limit, setting=error.setting, retry_after=_DRAIN)


def _unavailable(error: Any) -> Refused:
    log.warning("redis unavailable", reason=str(error))
    detail = "the job store does not answer; nothing was accepted, so the request can be sent again"
    return Refused(503, "unavailable", detail, retry_after=error.retry_after)


_MEANINGS: dict[type[NightshiftError], Callable[[Any], Refused]] = {
    TooLarge: _too_large,
    InvalidArguments: _invalid_arguments,
    RedisUnavailable: _unavailable,
    UnknownTask: lambda error: Refused(404, "unknown-task", f"no task is named {error.name!r}"),
    JobExpired: lambda error: Refused(410, "expired", str(error), setting=error.setting),
    JobMissing: lambda error: Refused(404, "job-missing", str(error)),
    QueueFull: _queue_full,
    QueueMissing: lambda error: Refused(404, "queue-missing", str(error)),
    ScheduleMissing: lambda error: Refused(404, "schedule-missing", str(error)),
    ScheduleDefinitionError: lambda error: Refused(422, "invalid-schedule", str(error)),
    ScheduleConflict: lambda error: Refused(409, "conflict", str(error)),
    TokenMissing: lambda error: Refused(404, "token-missing", str(error)),
    WebhookMissing: lambda error: Refused(404, "webhook-missing", str(error)),
    WebhookConflict: lambda error: Refused(409, "conflict", str(error)),
    WebhookRefused: lambda error: Refused(422, "address-refused", str(error)),
    DeliveryMissing: lambda error: Refused(404, "delivery-missing", str(error)),
    WorkerMissing: lambda error: Refused(404, "worker-missing", str(error)),
    FileMissing: lambda error: Refused(404, "file-missing", str(error)),
    IdempotencyKeyReused: lambda error: Refused(
        422, "idempotency-key-reused", "this Idempotency-Key was sent before, with another request"
    ),
    JobConflict: lambda error: Refused(409, "conflict", str(error)),
}


def invalid(error: ValidationError) -> Response:
    """What flask-openapi calls when a query, a path or a body does not fit its model."""
    in_body = not error.title.endswith(("Query", "Path"))
    raise Refused(422, "invalid-request", "the request does not fit its schema", faults=list(_faults(error, in_body)))


def _faults(error: ValidationError, in_body: bool) -> Iterable[Fault]:
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        message = item["msg"].removeprefix("Value error, ")
        parts = [str(part) for part in item["loc"]]
        if in_body:
            yield Fault(pointer=pointer(parts), detail=message)
        else:
            yield Fault(parameter=parts[0] if parts else None, detail=message)


def pointer(parts: Iterable[str]) -> str:
    """A JSON pointer as a URI fragment (RFC 6901), as RFC 9457 shows it."""
    return "#" + "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


_TOLD = {404: "nothing has this address", 405: "the method is not possible here; Allow names those that are"}


def of_http(error: HTTPException) -> Response | HTTPException:
    """The problem document of an error of HTTP."""
    if error.code is None or error.code < 400:
        return error
    response = answer(_refused(error))
    response.headers.extend((name, value) for name, value in error.get_headers() if name in {"Allow", "Content-Range"})
    return response


def _refused(error: HTTPException) -> Refused:
    code = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        return _too_large_body()
    name = HTTPStatus(code).phrase.lower().replace(" ", "-")
    return Refused(code, name, _TOLD.get(code) or error.description or HTTPStatus(code).phrase)


def _too_large_body() -> Refused:
    """The limit on the whole body, with the setting it follows from; or those on the text and the parts of a form."""
    asked = call()
    limit = asked.max_content_length or current_app.config["MAX_CONTENT_LENGTH"]
    if asked.mimetype.startswith("multipart/") and 0 < (asked.content_length or 0) <= limit:
        parts, text = asked.max_form_parts, asked.max_form_memory_size
        detail = f"the form has more than {parts} parts, or above {text:,} bytes beside its file"
        return Refused(413, "too-large", detail)
    setting: dict[str, Any] = {"setting": asked.body_limit} if asked.body_limit else {}
    return Refused(413, "too-large", f"the request body is above {limit:,} bytes", limit=limit, **setting)


def _unexpected(error: Exception) -> Response:
    log.error("request failed", exc_info=error)
    tracing.unexpected(error)
    detail = "something went wrong on our side; the request id finds it in the log"
    return answer(Refused(500, "internal", detail))
