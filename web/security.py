"""What protects every answer: headers, trusted hosts, and how far a proxy is believed."""

from __future__ import annotations

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from jobs.settings import Settings

from .problems import Refused

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
_ONE_YEAR = "max-age=31536000; includeSubDomains"


def install(app: Flask, settings: Settings) -> None:
    """Protect every route of this app."""
    app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts) or None
    app.before_request(_refuse_compressed)
    app.after_request(_protect)
    if settings.proxy_hops:
        # Without a proxy in front these headers are the client's own words, so nothing is believed by default.
        # Each proxy adds the address it saw, but the scheme is one value, which the nearest one set or passed on.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_hops, x_proto=1, x_host=0)  # type: ignore[method-assign]


def _refuse_compressed() -> None:
    """A few kilobytes of gzip may unpack to gigabytes, and no client needs it here."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(415, "compressed", "send the body without a Content-Encoding")


def _protect(response: Response) -> Response:
    wanted = _ALWAYS | {"Content-Security-Policy": _policy(response)}
    if request.is_secure:
        wanted["Strict-Transport-Security"] = _ONE_YEAR
    # At once and not by `setdefault`, which reads all headers for each of these: it was a tenth of a whole request.
    given = {name.title() for name, _ in response.headers}
    response.headers.extend({name: value for name, value in wanted.items() if name not in given})
    return response


def _policy(response: Response) -> str:
    is_page = response.mimetype == "text/html" and "Content-Disposition" not in response.headers
    return _PAGE_POLICY if is_page else _DATA_POLICY
