"""How the pages of an API are found: its addresses, its lists and what comes next. Nothing here calls anything."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from jobs import Discard
from jobs.outbound import Reply

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Source:
    """A paginated API, as the arguments of the job describe it."""

    url: str
    items: str = ""
    style: str = "number"
    page_param: str = "page"
    first_page: int = 1
    last_page: int | None = None
    last_page_at: str | None = None
    next_at: str = "/next"
    cursor_param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def address_of(self, number: int) -> str:
        """The address of a numbered page; other parameters of the address stay."""
        return str(httpx.URL(self.url).copy_set_param(self.page_param, number))


@dataclass(frozen=True, slots=True)
class Page:
    """One page as lines of NDJSON; `next` is the address of the following one, `last` the number of the last."""

    lines: bytes
    count: int
    next: str | None
    last: int | None


def read(source: Source, reply: Reply) -> Page:
    """Take a page apart. Raises Discard when it is not what the arguments say."""
    document = _document(reply)
    items = _at(document, source.items)
    if not isinstance(items, list):
        raise Discard(f"{reply.url} has no list at {source.items or 'its top'!r}; {_shape(document)}")
    lines = b"".join(_line(item, reply) for item in items)
    return Page(lines, len(items), _next(source, reply, document), _last(source, document))


def _document(reply: Reply) -> Any:
    if not reply.complete:
        raise Discard(f"{reply.url} is longer than {len(reply.body):,} bytes; ask for fewer items a page")
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise Discard(f"{reply.url} is not JSON: {error}") from None


def _line(item: Any, reply: Reply) -> bytes:
    """ASCII only: U+2028 and its like end a line for some readers, and half a surrogate pair cannot be encoded."""
    try:
        return json.dumps(item, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    except ValueError:
        raise Discard(f"{reply.url} holds a number that JSON cannot say again") from None


def _at(document: Any, pointer: str) -> Any:
    """The value a JSON pointer names (RFC 6901), or _MISSING."""
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key, _MISSING)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return _MISSING
    return value


def _shape(document: Any) -> str:
    if isinstance(document, dict):
        return f"it has {', '.join(repr(key) for key in list(document)[:20]) or 'no keys'}"
    return f"it is {type(document).__name__}"


def _last(source: Source, document: Any) -> int | None:
    if source.last_page is not None or source.last_page_at is None:
        return source.last_page
    value = _at(document, source.last_page_at)
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Discard(f"there is no number of the last page at {source.last_page_at!r}; {_shape(document)}")
    return int(value)


def _next(source: Source, reply: Reply, document: Any) -> str | None:
    if source.style == "number":
        return None
    found = reply.next_link if source.style == "link" else _cursor(source, reply, document)
    if found is None:
        return None
    if found == reply.url:
        raise Discard(f"{reply.url} names itself as the next page")
    if _site(found) != _site(source.url):  # the headers of the job may hold a key for the first site only
        raise Discard(f"{reply.url} goes on at another site: {found}")
    return found


def _cursor(source: Source, reply: Reply, document: Any) -> str | None:
    value = _at(document, source.next_at)
    if value is _MISSING or value is None or value == "" or value is False:
        return None
    if source.cursor_param:
        return str(httpx.URL(source.url).copy_set_param(source.cursor_param, str(value)))
    return urljoin(reply.url, str(value))


def _site(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
