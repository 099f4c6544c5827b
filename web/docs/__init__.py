"""The API described: the OpenAPI document, and Swagger UI to read and try it, served from here without a CDN."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from flask import abort, request
from werkzeug.wrappers import Response

from ..access import public
from ..openapi import Document, serve

_SWAGGER = "flask_openapi_swagger"


def register(app: Document) -> None:
    """Add the document and its pages."""
    app.add_url_rule("/openapi.json", "openapi", public(serve))
    app.add_url_rule("/docs", "docs", public(page))
    app.add_url_rule("/docs/<name>", "docs_file", public(asset))


def page() -> Response:
    """The page."""
    return Response(_read(files(__package__) / "index.html"), content_type="text/html; charset=utf-8")


def asset(name: str) -> Response:
    """What the page loads; nothing else is served from here."""
    found = _assets().get(name)
    if found is None:
        abort(404)
    kind = "text/css" if name.endswith(".css") else "text/javascript"
    response = Response(_read(found), content_type=f"{kind}; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.add_etag()
    return response.make_conditional(request.environ)


def _assets() -> dict[str, Traversable]:
    swagger = files(_SWAGGER) / "templates" / "swagger"
    return {
        "start.js": files(__package__) / "start.js",
        "swagger-ui.css": swagger / "css" / "swagger-ui.css",
        "swagger-ui-bundle.js": swagger / "js" / "swagger-ui-bundle.js",
    }


def _read(found: Traversable) -> bytes:
    return found.read_bytes()
