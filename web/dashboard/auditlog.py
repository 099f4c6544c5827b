"""Who did what."""

from __future__ import annotations

import json
import re

from flask import Blueprint, Response, abort, request, url_for

from jobs import audit
from jobs.audit import Entry

from .rendering import page

_LIMIT = 50
_ID = re.compile(r"\d{1,20}-\d{1,20}")


def add_to(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/audit")(auditlog)


def auditlog() -> Response:
    """The newest acts first, a page at a time."""
    before = request.args.get("before")
    if before is not None and not _ID.fullmatch(before):
        abort(400, "this address has a cursor that does not exist")
    found = audit.entries(before, _LIMIT)
    older = url_for("dashboard.auditlog", before=found[-1].id) if len(found) == _LIMIT else None
    return page("audit.html", section="dashboard.auditlog", entries=found, older=older, before=before, told=_told)


def _told(entry: Entry) -> str:
    """The details of an act on one line."""
    said = (f"{name}: {value if isinstance(value, str) else json.dumps(value)}" for name, value in entry.detail.items())
    return ", ".join(part for part in said if not part.endswith(": "))
