"""How a page is answered: whole for a browser, its living part for a poll, nothing when it has not changed."""

from __future__ import annotations

import gzip
import hashlib
import io
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Response, make_response, render_template, request

from . import assets
from .icons import ICONS

_THEMES = {"system", "light", "dark"}
_ACTIVE, _IDLE = 2, 10


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the navigation; `key` opens it after `g`."""

    endpoint: str
    title: str
    icon: str
    key: str


NAVIGATION = (
    Entry("dashboard.overview", "Overview", "overview", "o"),
    Entry("dashboard.jobs", "Jobs", "jobs", "j"),
    Entry("dashboard.failures", "Failures", "failures", "f"),
    Entry("dashboard.queues", "Queues", "queues", "q"),
    Entry("dashboard.schedules", "Schedules", "schedules", "s"),
    Entry("dashboard.workers", "Workers", "workers", "w"),
    Entry("dashboard.tasks", "Tasks", "tasks", "t"),
    Entry("dashboard.webhooks", "Webhooks", "webhooks", "h"),
    Entry("dashboard.auditlog", "Audit", "audit", "a"),
    Entry("dashboard.settings", "Settings", "settings", "e"),
)


def page(
    template: str, *, section: str, active: bool = False, living: bool = True, status: int = 200, **context: Any
) -> Response:
    """A page, with the pace of its polls: faster while something moves, none for a form that is being filled in."""
    pace = (_ACTIVE if active else _IDLE) if living else None
    body = render_template(template, section=section, poll=pace, **context)
    response = make_response(body, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "HX-Request, Accept-Encoding"
    if is_poll():
        response.set_etag(hashlib.sha256(response.data).hexdigest()[:20])
        response.make_conditional(request)
    if response.status_code != 304 and request.accept_encodings["gzip"]:
        _pack(response)
    return response


def _pack(response: Response) -> None:
    """Compress a page; a file name of random length in the head hides how well what somebody sent fits its token.

    Against BREACH, as in "Heal the Breach" (Palacios, Rumpelsberger and others, 2022).
    """
    packed = io.BytesIO()
    with gzip.GzipFile(secrets.token_hex(secrets.randbelow(50) + 1), "wb", 5, packed, mtime=0) as file:
        file.write(response.data)
    response.data = packed.getvalue()
    response.headers["Content-Encoding"] = "gzip"


def is_poll() -> bool:
    """Whether the script on the page asks, for the living part only."""
    return request.headers.get("HX-Request") == "true"


def context() -> dict[str, Any]:
    """What every template knows."""
    chosen = request.cookies.get("theme", "system")
    return {
        "ICONS": ICONS,
        "asset": assets.address,
        "navigation": NAVIGATION,
        "now": datetime.now(UTC),
        "only_live": is_poll(),
        "here": request.full_path.rstrip("?"),
        "theme": chosen if chosen in _THEMES else "system",
    }
