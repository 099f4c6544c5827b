"""The heads of requests and answers: gunicorn's rules, with less work for what is ordinary.

What is not ordinary, and every error, is left to gunicorn: here is only decided that it would object to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from gunicorn.http.message import TOKEN_RE, Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import Response
from gunicorn.util import http_date, is_hoppish, unquote_to_wsgi_str

Fields = list[tuple[str, str]]

_MOST_LINES = 256
_known_lines: dict[bytes, tuple[Any, ...]] = {}

_ONLY_ONCE = ("HOST", "CONTENT-TYPE")
_LENGTH, _ORDINARY, _OTHER = "length", "ordinary", "other"


class Head(Request):
    """What a client asks."""

    _expected_100_continue: bool

    @property
    def expects_continue(self) -> bool:
        """Whether the client sends the body only when told to."""
        return self._expected_100_continue

    def parse_request_line(self, line_bytes: bytes) -> None:
        """Method, address and version; raises gunicorn's error for what is none. The latest lines are known."""
        if known := _known_lines.get(line_bytes):
            self.method, self.uri, self.path, self.query, self.fragment, self.version = known
            return
        super().parse_request_line(line_bytes)
        if len(_known_lines) >= _MOST_LINES:
            _known_lines.clear()
        _known_lines[line_bytes] = self.method, self.uri, self.path, self.query, self.fragment, self.version

    def parse_headers(self, data: bytes, from_trailer: bool = False) -> Fields:
        """The fields; raises gunicorn's error for what is none."""
        fields = None if from_trailer or len(data) > self.limit_request_field_size else _fields(data.decode("latin-1"))
        if fields is None or len(fields) > self.limit_request_fields:
            return list(super().parse_headers(data, from_trailer))
        return fields


def _fields(text: str) -> Fields | None:
    """None when there is one that has to be looked at more closely."""
    lines = text.split("\r\n")
    if not (text.isascii() and "".join(lines).isprintable()):
        return None
    parts = [line.partition(":") for line in lines]
    fields = [(_name(name), value.strip(" ")) for name, _, value in parts]
    names = [name for name, _ in fields]
    if "" in names or any(names.count(name) > 1 for name in _ONLY_ONCE) or not all(colon for _, colon, _ in parts):
        return None
    return fields


@lru_cache(maxsize=256)
def _name(said: str) -> str:
    """In upper case; empty for a name that is none, that gunicorn acts on, or that could pass for another."""
    return said.upper() if TOKEN_RE.fullmatch(said) and "_" not in said and said.upper() != "EXPECT" else ""


class Heads(RequestParser):
    """What a client asks on one connection, one after the other."""

    mesg_class = Head


def environ_of(request: Any, line: Any, always: dict[str, Any]) -> dict[str, Any]:
    """What WSGI hands to the app: `always`, and what this request says."""
    environ = {
        **always,
        "wsgi.input": request.body,
        "wsgi.url_scheme": request.scheme,
        "gunicorn.socket": line,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_wsgi_str(request.path),
        "QUERY_STRING": request.query,
        "RAW_URI": request.uri,
        "SERVER_PROTOCOL": "HTTP/{}.{}".format(*request.version),
    }
    for name, value in request.headers:
        key = _key(name)
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


@lru_cache(maxsize=256)
def _key(name: str) -> str:
    key = name.replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


class Answer(Response):
    """Writes an answer as gunicorn does, but looks at all values at once, and does not name the server."""

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Take the headers of the app; raises gunicorn's error for those that are none."""
        fields = list(headers)
        kinds = [_kind(name) for name, _ in fields]
        values = "".join([value for _, value in fields])
        if _OTHER in kinds or kinds.count(_LENGTH) > 1 or not (values.isascii() and values.isprintable()):
            super().process_headers(fields)  # it knows what may be said of the connection, and what is an error
            return
        self.headers = fields
        if _LENGTH in kinds:
            self.response_length = int(fields[kinds.index(_LENGTH)][1])

    def send_headers(self) -> None:
        """Send the head, once."""
        if not self.headers_sent:
            lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
            self.sock.sendall(f"{self._start()}{lines}\r\n".encode("latin-1"))
            self.headers_sent = True

    def _start(self) -> str:
        major, minor = self.req.version or (1, 1)
        last = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        coding = "Transfer-Encoding: chunked\r\n" if self.chunked else ""
        date = _date(int(time.time()))
        return f"HTTP/{major}.{minor} {self.status}\r\nDate: {date}\r\nConnection: {last}\r\n{coding}"


@lru_cache(maxsize=256)
def _kind(name: str) -> str:
    if not TOKEN_RE.fullmatch(name) or is_hoppish(name):
        return _OTHER
    return _LENGTH if name.lower() == "content-length" else _ORDINARY


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return str(http_date(second))
