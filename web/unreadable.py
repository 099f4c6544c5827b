"""What is answered where no request could be read: a problem document with the headers of every answer, and a log line.

Gunicorn answers those itself, before there is an app, with a page of HTML.
"""

from __future__ import annotations

import secrets
import socket
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from gunicorn.util import write_nonblock

from jobs.logs import carry_only, get_logger

from .problems import MEDIA_TYPE, urn
from .schemas.problems import ProblemView
from .security import Headers, missing

_OURS = {"ConfigurationProblem", "InvalidResponseHeader", "InvalidResponseHeaderName"}  # the types lack some
_STATUSES = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}

log = get_logger("web.access")


def refuse(client: socket.socket, address: Any, error: BaseException) -> None:
    """Say what is wrong with the request; of an error of ours, nothing but that it is one."""
    carry_only()  # those of the request that this thread answered before
    request_id, status = secrets.token_hex(16), _status_of(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request failed", request_id=request_id, exc_info=error)
    else:
        told = {"client": address[0] if address else "", "request_id": request_id, "status": status.value}
        log.warning("request refused", **told, reason=str(error))
    try:
        write_nonblock(client, _answer(status, str(error), request_id))
    except OSError:
        pass  # the client has gone


def _status_of(error: BaseException) -> HTTPStatus:
    """What to answer to what gunicorn's parser, or the app as a whole, has raised."""
    if not isinstance(error, errors.ParseException) or type(error).__name__ in _OURS:
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return _STATUSES.get(type(error), HTTPStatus.BAD_REQUEST)


def _answer(status: HTTPStatus, reason: str, request_id: str) -> bytes:
    """The whole response, after which the connection is closed: where the next request begins, nobody knows."""
    is_ours = status is HTTPStatus.INTERNAL_SERVER_ERROR
    document = ProblemView(
        type=urn("internal" if is_ours else "unreadable"),
        title=status.phrase,
        status=status.value,
        detail="something went wrong on our side; the request id finds it in the log" if is_ours else reason,
        instance="",
        request_id=request_id,
    )
    body = document.model_dump_json(exclude_none=True).encode()
    headers: Headers = [
        ("Connection", "close"),
        ("Content-Type", MEDIA_TYPE),
        ("Content-Length", str(len(body))),
        ("X-Request-ID", request_id),
    ]
    lines = [f"{name}: {value}" for name, value in [*headers, *missing(headers, "http")]]
    return "\r\n".join([f"HTTP/1.1 {status.value} {status.phrase}", *lines, "", ""]).encode() + body
