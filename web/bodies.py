"""What every route refuses before its schema looks: not JSON is 400, another media type 415, too much 413."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import get_annotations, signature
from itertools import chain
from typing import Any, TypeVar, cast

from flask import Flask
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from jobs.settings import Settings

from .calls import Call, call
from .problems import Refused, invalid
from .schemas.problems import Fault

DEPTH = 32
BATCH_BYTES = 8 * 1024 * 1024
FORM_PARTS = 20
_ENVELOPE = 64 * 1024
_JSON = "application/json"


View = TypeVar("View", bound=Callable[..., Any])


def install(app: Flask, settings: Settings) -> None:
    """Limit every body and check the JSON ones before a handler sees them."""
    app.request_class = Call
    app.config["MAX_CONTENT_LENGTH"] = settings.max_args_bytes + _ENVELOPE
    # Werkzeug counts the piece of a file that it is just reading as form data: 64 KB and what was left over before.
    app.config["MAX_FORM_MEMORY_SIZE"] = 8 * _ENVELOPE
    app.config["MAX_FORM_PARTS"] = FORM_PARTS
    app.before_request(lambda: _check(app))


def takes_raw(view: View) -> View:
    """Mark a view whose body is not JSON; goes below the route's decorator."""
    view.raw_body = True  # type: ignore[attr-defined]
    return view


def body_up_to(limit: int) -> Callable[[View], View]:
    """Raise the limit on the JSON body of a view; goes below the route's decorator."""

    def mark(view: View) -> View:
        view.body_limit = limit  # type: ignore[attr-defined]
        return view

    return mark


def takes_up_to(limit: int, setting: str | None = None) -> None:
    """Set the limit on the body of this request, and say which setting it follows from, if any."""
    asked = call()
    asked.max_content_length, asked.body_limit = limit, setting


def hand_over(app: Flask) -> None:
    """Call the views that take a body and nothing else with it; flask-openapi looks for six kinds of input."""
    for endpoint, view in app.view_functions.items():
        handler = getattr(view, "__wrapped__", None)
        if handler and list(signature(handler).parameters) == ["body"]:
            app.view_functions[endpoint] = _with_body(view, handler)


def _with_body(view: View, handler: Callable[..., Any]) -> View:
    model: type[BaseModel] = get_annotations(handler, eval_str=True)["body"]

    @wraps(view)  # with the marks of the view
    def answer() -> Any:
        try:
            body = model.model_validate(call().body)
        except ValidationError as error:
            return invalid(error)
        return handler(body=body)

    return cast("View", answer)


def _check(app: Flask) -> None:
    asked = call()
    if asked.query_string:
        _refuse_repeated(asked)
    view = _json_view(app, asked)
    if view is None:
        return
    raised: int | None = getattr(view, "body_limit", None)
    limit = asked.max_content_length = raised or app.config["MAX_CONTENT_LENGTH"]
    asked.body_limit = None if raised else "MAX_ARGS_BYTES"
    if not _has_body(asked):
        return
    asked.body = _parse(asked, limit)
    if not isinstance(asked.body, dict):
        raise Refused(422, "invalid-request", "the body must be a JSON object")
    if _depth(asked.body) > DEPTH:
        raise Refused(422, "too-deep", f"the body is nested more than {DEPTH} levels deep", limit=DEPTH)


def _refuse_repeated(asked: Call) -> None:
    """Two values for one parameter: a proxy may have checked one and we would use the other."""
    repeated = [name for name, values in asked.args.lists() if len(values) > 1]
    if repeated:
        faults = [Fault(parameter=name, detail="was given more than once") for name in repeated]
        raise Refused(422, "invalid-request", "a parameter was given more than once", faults=faults)


def _json_view(app: Flask, asked: Call) -> Callable[..., Any] | None:
    """The view that is going to read a JSON body; None when none is."""
    if asked.method not in {"POST", "PUT", "PATCH"} or not asked.path.startswith("/api/"):
        return None
    view = app.view_functions.get(asked.endpoint or "")
    return None if getattr(view, "raw_body", False) else view


def _has_body(asked: Call) -> bool:
    return asked.environ.get("CONTENT_LENGTH", "0") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in asked.environ


def _parse(asked: Call, limit: int) -> Any:
    if asked.environ.get("CONTENT_TYPE") != _JSON and asked.mimetype != _JSON:
        raise Refused(415, "not-json", "send the body as application/json")
    try:
        # As RFC 8259 has it: no NaN, no lone surrogates, no bottomless nesting.
        return from_json(_read(asked, limit), allow_inf_nan=False)
    except ValueError as error:
        raise Refused(400, "bad-json", f"the body is not JSON: {error}") from None


def _read(asked: Call, limit: int) -> bytes:
    """The body. One of a length that is known and allowed is read as it is; Werkzeug guards every step of the rest."""
    said = asked.environ.get("CONTENT_LENGTH", "")
    if not said.isdecimal() or len(said) > 9 or int(said) > limit or "HTTP_TRANSFER_ENCODING" in asked.environ:
        return _read_guarded(asked, limit)
    try:
        body: bytes = asked.environ["wsgi.input"].read(int(said))
    except (OSError, ValueError):  # as Werkzeug has it: the connection is gone, or closed on our side
        raise ClientDisconnected from None
    if len(body) < int(said):
        raise ClientDisconnected  # what has come may be JSON, and yet not be all that was sent
    return body


def _read_guarded(asked: Call, limit: int) -> bytes:
    body = asked.get_data()
    if len(body) == limit and asked.environ["wsgi.input"].read(1):  # Werkzeug leaves out what is above the limit
        raise RequestEntityTooLarge
    return body


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, (dict, list)) and item]:
        depth += 1
        level = list(chain.from_iterable(item.values() if isinstance(item, dict) else item for item in level))
    return depth
