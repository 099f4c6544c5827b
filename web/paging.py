"""Links to the next page (RFC 8288)."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request


def following(cursor: str | None) -> tuple[str | None, dict[str, str]]:
    """The address of the page after this one, with the same filters, and the Link header that says so."""
    if cursor is None:
        return None, {}
    kept = {name: value for name, value in request.args.items() if name != "cursor"}
    address = f"{request.path}?{urlencode(kept | {'cursor': cursor})}"
    return address, {"Link": f'<{address}>; rel="next"'}
