"""The OpenAPI document: what flask-openapi collects from the routes, completed so that it says the whole truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Any

from flask import Flask, Request, Response, current_app
from flask_openapi.openapi import OpenAPI
from pydantic import BaseModel
from werkzeug.routing import MapAdapter

from jobs.tokens import Scope

from . import outgoing
from .access import access_of
from .answers import COMMON
from .problems import MEDIA_TYPE, invalid
from .routing import Adapter, Fixed, fixed_addresses, host_of
from .schemas.problems import ProblemView

VERSION = "3.1.1"
INFO = {
    "title": "Nightshift",
    "version": "1",
    "description": (
        "Background jobs over HTTP. Enqueue a task with `POST /api/v1/jobs`, follow the job at the `Location` it "
        "answers, fetch the result. Every error is a problem document (RFC 9457) whose `type` is stable."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}
SECURITY_SCHEMES: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token with the scope that the operation names."}
}

_SCHEMAS = "#/components/schemas/"
_METHODS = ("get", "post", "put", "patch", "delete")

_SENT: dict[str, dict[str, Any]] = {
    "Location": {"description": "Where it is.", "schema": {"type": "string", "format": "uri-reference"}},
    "Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "integer", "minimum": 1}},
    "ETag": {"description": "Send it back in If-None-Match.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "true: the job existed already.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "RateLimit": {"description": "Calls left (r) and seconds until all are (t).", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "Calls (q) in a window of seconds (w).", "schema": {"type": "string"}},
    "Link": {"description": 'The next page, as rel="next" (RFC 8288).', "schema": {"type": "string"}},
    "Content-Disposition": {"description": "Always an attachment.", "schema": {"type": "string"}},
    "Accept-Ranges": {"description": "Ranges of bytes are served.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}},
    "X-Request-ID": {"description": "Finds the request in the log.", "schema": {"type": "string"}},
}
_TAKEN: dict[str, dict[str, Any]] = {
    "Prefer": {
        "description": "`wait=N`: hold the answer back for up to N seconds, at most 20 (RFC 7240).",
        "schema": {"type": "string"},
        "example": "wait=2",
    },
    "Idempotency-Key": {
        "description": "The same key gives the same job for 24 hours, however often the request is sent.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
        "example": "order-4711",
    },
    "traceparent": {
        "description": "The trace that the job belongs to (W3C Trace Context).",
        "schema": {"type": "string"},
        "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    },
    "Last-Event-ID": {
        "description": "The id of the last event that was seen, which is not sent again.",
        "schema": {"type": "string"},
    },
    "If-Match": {
        "description": "The ETag of what is changed, so that no change of another is overwritten.",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "example": '"1-9c2f"',
    },
    "If-None-Match": {
        "description": "The ETag that is known: 304 when nothing has changed.",
        "schema": {"type": "string"},
    },
}

_LINKS: dict[str, dict[str, Any]] = {
    "create_job": {
        name: {"operationId": name, "parameters": {"job_id": "$response.body#/id"}}
        for name in ("show_job", "show_result", "show_log")
    },
    "upload_file": {
        name: {"operationId": name, "parameters": {"file_id": "$response.body#/id"}}
        for name in ("show_file", "download_file")
    },
}


class Document(OpenAPI):
    """The app, with a document of its own version that is completed before it is first served."""

    def __init__(self, import_name: str) -> None:
        super().__init__(
            import_name,
            info=INFO,
            security_schemes=SECURITY_SCHEMES,
            validation_error_callback=invalid,
            doc_ui=False,
            static_folder=None,
        )
        self.openapi_version = VERSION

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: nothing here is async, and Flask would find that out for each of a dozen hooks of every request."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, which looks at the host twice, and for subdomains and sockets of the web; here there are none."""
        if request is None:
            return super().create_url_adapter(request)
        host = request.host = host_of(request, self.config["TRUSTED_HOSTS"])
        asked = request.scheme, request.path, request.method, request.query_string.decode("latin-1")
        return Adapter(self._fixed, self.url_map, host, request.root_path, "", *asked)

    @cached_property
    def _fixed(self) -> Fixed:
        """Complete, as Flask takes no more routes after the first request."""
        return fixed_addresses(self.url_map)

    def generate_spec_json(self) -> None:
        """Build and complete the document."""
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        complete(self, self.spec_json)


def complete(app: Flask, document: dict[str, Any]) -> None:
    """Add to each operation its security, problems and headers, and tidy what the library leaves."""
    schemas = document["components"]["schemas"]
    schemas.pop("ValidationErrorModel", None)
    schemas |= _models(ProblemView)
    for model, _ in outgoing.MESSAGES.values():
        schemas |= _models(model)
    document["webhooks"] = outgoing.webhooks(_SCHEMAS)
    for path, method, operation in _operations(document):
        _complete_operation(operation, method, _access(app, path, method), schemas)


def _models(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_SCHEMAS + "{model}")
    return {**schema.pop("$defs", {}), model.__name__: schema}


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _access(app: Flask, path: str, method: str) -> Any:
    """Who may call an operation, from the same mark that the gate reads."""
    for rule in app.url_map.iter_rules():
        plain = rule.rule.replace("<path:", "<").replace("<", "{").replace(">", "}")
        if plain == path and method.upper() in (rule.methods or ()):
            return access_of(app, rule.endpoint)
    raise LookupError(f"{method} {path} is documented but not routed")


def _complete_operation(operation: dict[str, Any], method: str, access: Any, schemas: Mapping[str, Any]) -> None:
    problems = set(operation.pop("x-problems", COMMON))
    sent = {str(status): names for status, names in operation.pop("x-headers", {}).items()}
    taken = operation.pop("x-takes", ())
    operation["responses"].pop("422", None)
    if isinstance(access, Scope):
        operation["security"] = [{"token": []}]
        operation["x-required-scope"] = access.value
    else:
        operation["security"] = []
        problems -= {401, 403}
    _relax_body(operation, schemas)
    operation.setdefault("parameters", []).extend(_taken(name) for name in taken)
    operation["responses"] |= {str(status): _problem(status) for status in sorted(problems)}
    if method == "get" and "ETag" in sent.get("200", ()):
        operation["responses"]["304"] = {"description": HTTPStatus.NOT_MODIFIED.phrase}
    _complete_responses(operation["responses"], sent, _LINKS.get(operation["operationId"], {}))


def _relax_body(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """A body whose every field has a default may be left out."""
    body = operation.get("requestBody", {})
    reference = body.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    if reference and not schemas[reference.removeprefix(_SCHEMAS)].get("required"):
        body["required"] = False


def _taken(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, **_TAKEN[name]}


def _problem(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS + ProblemView.__name__}}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _complete_responses(
    responses: dict[str, Any], sent: Mapping[str, tuple[str, ...]], links: Mapping[str, Any]
) -> None:
    limits = ("RateLimit", "RateLimit-Policy")
    always = {"401": ("WWW-Authenticate",), "429": ("Retry-After", *limits), "503": ("Retry-After",)}
    for status, response in responses.items():
        names = ("X-Request-ID", *sent.get(status, ()), *always.get(status, limits if status[0] == "2" else ()))
        response["headers"] = {name: _SENT[name] for name in names}
        if links and status.startswith("2"):
            response["links"] = links


def serve() -> Response:
    """The document."""
    app = current_app
    assert isinstance(app, Document)
    return Response(app.json.dumps(app.api_doc), content_type="application/json")
