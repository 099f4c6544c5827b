"""Answers of the API, and how a route declares them for the OpenAPI document."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from flask import request
from pydantic import BaseModel
from werkzeug.wrappers import Response

Headers = Mapping[str, str]

COMMON = (400, 401, 403, 429, 500, 503)


def show(view: BaseModel, status: int = 200, headers: Headers | None = None) -> Response:
    """A model as JSON."""
    return Response(view.model_dump_json(), status, headers, content_type="application/json")


def nothing() -> Response:
    """204: it is done, and there is nothing to say."""
    return Response(status=204)


def show_unless_known(view: BaseModel, headers: Headers | None = None, etag: str | None = None) -> Response:
    """A model as JSON with an ETag; 304 when the client has it already."""
    response = show(view, headers=headers)
    response.set_etag(etag or etag_of(view))
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request.environ)


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
