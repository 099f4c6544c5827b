"""What protects every answer: headers, trusted hosts, and how far a proxy is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from jobs.settings import Settings

from .calls import Call, call
from .problems import Refused

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]

_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_OF_DATA = (*_ALWAYS.items(), ("Content-Security-Policy", _DATA_POLICY))
_OF_PAGES = (*_ALWAYS.items(), ("Content-Security-Policy", _PAGE_POLICY))
_OVER_HTTPS = (("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),)


def install(app: Flask, settings: Settings) -> None:
    """Protect every route of this app."""
    app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts) or None
    app.before_request(_refuse_compressed)
    app.wsgi_app = _protected(app.wsgi_app)  # type: ignore[method-assign, assignment]
    if settings.proxy_hops:
        # Without a proxy in front these headers are the client's own words, so nothing is believed by default.
        # Each proxy adds the address it saw, but the scheme is one value, which the nearest one set or passed on.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_hops, x_proto=1, x_host=0)  # type: ignore[method-assign]


def _refuse_compressed() -> None:
    """A few kilobytes of gzip may unpack to gigabytes, and no client needs it here."""
    if call().environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise Refused(415, "compressed", "send the body without a Content-Encoding")


def _protected(application: WSGIApplication) -> WSGIApplication:
    """The same with these headers in every answer, and those that steps have said. Around Flask, whose way to add a
    header takes longer."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
            asked: Call | None = environ.get("werkzeug.request")
            protecting = missing(headers, environ["wsgi.url_scheme"])
            return start_response(status, [*headers, *(asked.said if asked else ()), *protecting], exc_info)

        return application(environ, start)

    return answer


def missing(headers: Headers, scheme: str) -> Headers:
    """What protects this answer and is not said yet."""
    given = {name.title(): value for name, value in headers}
    is_page = given.get("Content-Type", "").startswith("text/html") and "Content-Disposition" not in given
    wanted = (_OF_PAGES if is_page else _OF_DATA) + (_OVER_HTTPS if scheme == "https" else ())
    return [header for header in wanted if header[0] not in given]
