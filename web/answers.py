"""Answers of the API, and how a route declares them for the OpenAPI document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Response, request
from pydantic import BaseModel
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

Named = Mapping[str, str]

COMMON = (400, 401, 403, 429, 500, 503)


class Text(Response):
    """An answer of one piece, sent as it is: Werkzeug would look for addresses to spell out and lengths to add."""

    default_mimetype = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer; where something is to be left out or called at the end, Werkzeug does it."""
        if environ["REQUEST_METHOD"] == "HEAD" or self.status_code in {204, 304} or self._on_close:
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return self.response  # type: ignore[return-value]


def show(view: BaseModel, status: int = 200, headers: Named | None = None) -> Response:
    """A model as JSON."""
    return show_json(view.model_dump_json().encode(), status, headers)


def show_json(body: bytes, status: int = 200, headers: Named | None = None) -> Response:
    """What is JSON already."""
    every = Headers()
    # All at once: for each header that Werkzeug sets by itself it would look through the others.
    every[:] = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *(headers or {}).items()]
    return Text([body], status, every)


def nothing() -> Response:
    """204: it is done, and there is nothing to say."""
    return Text(status=204)


def show_unless_known(view: BaseModel, headers: Named | None = None, etag: str | None = None) -> Response:
    """A model as JSON with an ETag; 304 when the client has it already."""
    response = show(view, headers=headers)
    response.set_etag(etag or etag_of(view))
    response.make_conditional(request.environ)
    return response


def etag_of(view: BaseModel) -> str:
    """The same for the same content, whichever process answers."""
    return hashlib.blake2b(view.model_dump_json().encode(), digest_size=16).hexdigest()


def answers(
    *problems: int, takes: tuple[str, ...] = (), headers: Mapping[int, tuple[str, ...]] | None = None
) -> dict[str, Any]:
    """What a route's decorator takes as `openapi_extensions`.

    The problems it answers beside the common ones, the request headers it reads, and those it answers by status.
    """
    return {"x-problems": (*COMMON, *problems), "x-takes": takes, "x-headers": dict(headers or {})}
