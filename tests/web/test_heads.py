"""Heads are read and written by gunicorn's rules: whatever comes, it is what gunicorn itself would make of it."""

import socket
from collections.abc import Callable
from typing import Any

from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from hypothesis import example, given
from hypothesis import strategies as st

from web.connections import Connection
from web.heads import Answer, Head, environ_of
from web.pacing import Deadlines

CFG = Config()
for _name, _value in {"forwarded_allow_ips": "*", "secure_scheme_headers": {}, "forwarder_headers": ""}.items():
    CFG.set(_name, _value)
PEER = ("127.0.0.1", 4444)

SPOKEN = [
    "Host",
    "HOST",
    "Content-Type",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "Connection",
    "Authorization",
]
NAMES = st.sampled_from([*SPOKEN, "X-A", "x_a", "X-A\t", "Bad(Name"]) | st.text("aZ-_ :\t\r\n\x00\xe9(", max_size=6)
TEXTS = st.sampled_from(["", "5", "a, b", "100-continue", "chunked", "close", "x" * 8200]) | st.text(
    "a5 ,;:\t\r\n\x00\x7f\xe9\xdf", max_size=8
)
COLONS = st.sampled_from([": ", ":", " : ", "", ":\t"])
LINES = st.lists(st.tuples(NAMES, COLONS, TEXTS).map("".join), max_size=8)


def _head(lines: list[str]) -> bytes:
    return "\r\n".join(["POST /a%20b?c=d HTTP/1.1", *lines, "", "body"]).encode("latin-1")


def _outcome(read: Callable[[], Any]) -> Any:
    """What comes of it, or the kind of error that it is refused with."""
    try:
        return read()
    except Exception as error:
        return type(error)


def _fields(kind: type[Request], head: bytes) -> Any:
    def read() -> Any:
        request = kind(CFG, IterUnreader([head]), PEER)
        return request.headers, request._expected_100_continue, request.unreader.buf.getvalue()  # type: ignore[attr-defined]

    return _outcome(read)


@given(LINES)
@example(["Host: a", "host: b"])
@example(["A: b", " folded: c"])
@example(["A : b"])
@example(["A: b\nB: c"])
@example(["no colon"])
@example(["A:b"] * 101)
@example(["Expect: 100-continue", "Content-Length: 4"])
def test_a_request_is_read_as_gunicorn_reads_it(lines: list[str]) -> None:
    assert _fields(Head, _head(lines)) == _fields(Request, _head(lines))


STARTS = st.tuples(
    st.sampled_from(["GET", "POST", "get", "G", "OPTIONS", "CONNECT", "GE T", ""]),
    st.sampled_from(["/", "/a?b=c#d", "*", "http://x/a", "x:80", "//x/a", "/\xe9", "/a\x00", "", "http://[x/"]),
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.12", "http/1.1", ""]),
).map(" ".join)


@given(st.lists(STARTS | st.text("GET /:*?HTP1.\xe9", max_size=12), max_size=4))
def test_a_request_line_is_read_as_gunicorn_reads_it_also_when_it_comes_again(starts: list[str]) -> None:
    for start in [*starts, *starts]:
        assert _start(Head, start) == _start(Request, start)


def _start(kind: type[Request], start: str) -> Any:
    def read() -> Any:
        request = kind(CFG, IterUnreader([f"{start}\r\nHost: a\r\n\r\n".encode("latin-1")]), PEER)
        return request.method, request.uri, request.path, request.query, request.fragment, request.version

    return _outcome(read)


@given(LINES)
@example(["X-A: 1", "x-a: 2", "X-A: 3"])
def test_the_app_is_told_what_gunicorn_would_tell_it(lines: list[str]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours, (PEER, ("127.0.0.1", 80)), CFG, Deadlines())
        try:
            request = Head(CFG, IterUnreader([_head(lines)]), PEER)
        except Exception:
            return
        told = environ_of(request, connection.line, connection.always)
        _, meant = wsgi.create(request, ours, PEER, ("127.0.0.1", 80), CFG)
    meant["wsgi.multithread"] = True
    own = {"wsgi.errors", "wsgi.early_hints", "gunicorn.socket"}
    assert {key: told[key] for key in told.keys() - own} == {key: meant[key] for key in meant.keys() - own}


@given(st.lists(st.tuples(NAMES, TEXTS), max_size=6), st.sampled_from(["200 OK", "204 NO CONTENT", "304 NOT MODIFIED"]))
@example([("X-A", "a\r\nEvil: b")], "200 OK")
@example([("X-A\r\nEvil", "b")], "200 OK")
@example([("content-length", "2"), ("Connection", "upgrade"), ("Server", "x")], "200 OK")
@example([("Content-Length", "2"), ("Content-Length", "x")], "200 OK")
@example([("Content-Length", "2")], "204 NO CONTENT")
@example([("X-A", "\xe9\t")], "200 OK")
def test_an_answer_is_written_as_gunicorn_writes_it(fields: list[tuple[str, str]], status: str) -> None:
    assert _written(Answer, fields, status) == _written(wsgi.Response, fields, status)


def _written(kind: type[wsgi.Response], fields: list[tuple[str, str]], status: str) -> Any:
    """The bytes, but for what names the server, the moment, and spaces around a value."""

    def write() -> Any:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            answer = kind(Head(CFG, IterUnreader([_head(["Host: a"])]), PEER), ours, CFG)
            answer.start_response(status, fields)
            answer.write(b"ab")
            answer.close()
            ours.shutdown(socket.SHUT_WR)
            head, _, body = b"".join(iter(lambda: theirs.recv(65536), b"")).partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        told = [[part.strip() for part in line.split(b":", 1)] for line in lines]
        return first, sorted(pair for pair in told if pair[0] not in (b"Server", b"Date")), body

    return _outcome(write)
