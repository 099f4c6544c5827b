"""Who may see the pages: a signed cookie, rotated at login, ended by logout, by 30 idle minutes or after 12 hours."""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from time import time
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, Request, abort, current_app, g, redirect, request, session, url_for
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect, generate_csrf
from werkzeug.wrappers import Response

from jobs import connection
from jobs.logs import carry
from jobs.settings import current_settings
from jobs.tokens import Caller
from web.access import caller
from web.calls import call

from . import identity, roles
from .snapshot import Fresh

IDLE = 30 * 60
LONGEST = 12 * 3600
_TOUCH = 60
_ENDED = "ns:sessions-ended"
_ENVELOPE, _MOST_FIELDS = 256 * 1024, 200
UPLOADS = {"dashboard.enqueue"}
_OPEN = {"dashboard.login", "dashboard.try_login"}
_SAFE = {"GET", "HEAD", "OPTIONS"}

csrf = CSRFProtect()


class _Nobodys(NullSession):
    """The session of all who have none: whatever one of them could leave here, the others would find."""

    __ior__ = NullSession.update  # the one change that Flask's lets through


_NONE = _Nobodys()


class Cookies(SecureCookieSessionInterface):
    """The `__Host-` prefix where the connection is https: no subdomain and no plain page can then set this cookie."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """None for the API, which has tokens instead: there a session cannot be changed, and nothing is signed."""
        return None if request.path.startswith("/api/") else super().open_session(app, request)

    def make_null_session(self, app: Flask) -> NullSession:
        """The one that all have who have none: nothing can be put into it."""
        return _NONE

    def get_cookie_secure(self, app: Flask) -> bool:
        """Over https, and always in production, where TLS may end in front of us."""
        return request.is_secure or current_settings().production

    def get_cookie_name(self, app: Flask) -> str:
        """A browser refuses the prefix without Secure."""
        return "__Host-nightshift" if self.get_cookie_secure(app) else "nightshift"


def install(app: Flask) -> None:
    """Set up cookies and CSRF tokens; the pages' own guard checks them, so that the token API stays free of them."""
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=IDLE),
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_SSL_STRICT=False,  # the guard compares Origin and Sec-Fetch-Site, which also works without a referrer
        WTF_CSRF_TIME_LIMIT=None,  # it ends with the session
    )
    app.secret_key = app.secret_key or _local_key()
    app.session_interface = Cookies()
    app.extensions["nightshift.sessions_ended"] = Fresh(_read_ended)
    csrf.init_app(app)


def guard() -> Response | None:
    """Let a request of the dashboard through, or answer in its place."""
    if request.method not in _SAFE:
        _refuse_other_sites()
    if request.endpoint not in _OPEN:
        person = current()
        if person is None:
            return _to_login()
        _let_in(person)
    if request.endpoint in UPLOADS:
        request.max_content_length = current_settings().file_max_bytes + _ENVELOPE
        request.max_form_parts = _MOST_FIELDS
    csrf.protect()
    return None


def current() -> Caller | None:
    """Who is logged in; None when the session or the token behind it has ended, here or elsewhere.

    Raises RedisUnavailable.
    """
    return identity.holder(session["key"]) if lasts() and session["id"] not in _ended_reading().get() else None


def lasts() -> bool:
    """Whether the cookie by itself is of a session that still lasts."""
    now = time()
    if not session.get("id") or not hmac.compare_digest(session["of"], identity.fingerprint(session.get("key", ""))):
        return False
    return bool(now - session["seen"] < IDLE and now - session["at"] < LONGEST)


def begin(person: Caller) -> None:
    """Start a new session; nothing of the old one is kept."""
    session.clear()
    g.pop("csrf_token", None)
    session.permanent = True
    session.update(id=secrets.token_urlsafe(16), key=person.key, of=identity.fingerprint(person.key))
    session.update(at=time(), seen=time(), form_token=generate_csrf())


def log_out() -> None:
    """End the session for every copy of its cookie."""
    with connection.translate_errors(), connection.client().pipeline() as pipe:
        pipe.zadd(_ENDED, {session["id"]: session["at"] + LONGEST})
        pipe.zremrangebyscore(_ENDED, "-inf", time())
        pipe.execute()
    session.clear()
    _ended_reading().forget()


def actor() -> str:
    """Who acts, for the audit log."""
    return identity.actor(caller())


def _let_in(person: Caller) -> None:
    """From here on the person is the caller, and may do what the role allows."""
    call().caller = person
    carry(caller=identity.actor(person))
    roles.require(request.endpoint or "")
    _touch()
    g.csrf_token = session["form_token"]  # one token per session keeps pages equal, so that polls can answer 304


def _touch() -> None:
    if time() - session["seen"] > _TOUCH:
        session["seen"] = time()


def _refuse_other_sites() -> None:
    """A form of another site, even of a sibling subdomain, is refused before its token is looked at."""
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        abort(403, "this form was sent by another site")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403, "this form was sent by another site")


def _to_login() -> Response:
    if "id" in session:
        session.clear()
    if request.headers.get("HX-Request"):
        back = urlsplit(request.headers.get("HX-Current-URL", "/"))
        response = current_app.response_class(status=401)
        response.headers["HX-Redirect"] = url_for("dashboard.login", next=_path(back.path, back.query))
        return response
    return redirect(url_for("dashboard.login", next=_path(request.path, request.query_string.decode())), 303)


def local_path(target: str) -> str:
    """Where to go after login: a path of ours, never another site."""
    parts = urlsplit(target)
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc
    return target if safe and target.isprintable() else url_for("dashboard.overview")


def _path(path: str, query: str) -> str | None:
    full = f"{path}?{query}" if query else path
    return full if full != "/" and request.method == "GET" else None


def _local_key() -> bytes:
    """Without SECRET_KEY, which only production demands: the same key in every process of one machine."""
    password = current_settings().admin_password
    return identity.digest("sessions of " + password.get_secret_value()) if password else secrets.token_bytes(32)


def _ended_reading() -> Fresh[frozenset[str]]:
    reading: Fresh[frozenset[str]] = current_app.extensions["nightshift.sessions_ended"]
    return reading


def _read_ended() -> frozenset[str]:
    with connection.translate_errors():
        raw = cast("list[bytes]", connection.client().zrangebyscore(_ENDED, time(), "+inf"))
    return frozenset(item.decode() for item in raw)
