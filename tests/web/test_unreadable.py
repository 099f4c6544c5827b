"""What cannot be read as a request is answered like every other mistake, and its connection ends."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.web import site

pytestmark = pytest.mark.processes

_POST = b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + site.TOKEN.encode() + b"\r\n"
_CHUNKED = _POST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
_NEXT = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    free = site.free_port()
    web = site.start_web(free, "unix:///nowhere/redis.sock")
    try:
        site.wait_until_live(f"http://127.0.0.1:{free}", web)
        yield free
    finally:
        web.terminate()
        web.wait(40)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (_POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (_POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", 400),
        (_POST + b"Transfer-Encoding: xchunked\r\n\r\n", 501),
        (_CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400),
        (_CHUNKED + b"2\r\n{}no\r\n0\r\n\r\n", 400),
        (_CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", 400),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_what_cannot_be_read_is_a_problem_and_ends_the_connection(port: int, sent: bytes, status: int) -> None:
    head, body = _answer(port, sent + _NEXT).split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    problem = json.loads(body)  # one answer, with nothing after it
    assert (int(first.split()[1]), problem["status"]) == (status, status)
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-request-id"] == problem["request_id"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")


def _answer(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        return b"".join(iter(lambda: client.recv(65_536), b""))
