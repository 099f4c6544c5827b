"""Clients that send slowly, or nothing, do not keep others waiting for long."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from tests.web import site
from web.pacing import HEAD_SECONDS, IDLE_SECONDS

pytestmark = pytest.mark.processes

HEAD = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
BODY = b"POST /api/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\nabc"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    port = site.free_port()
    address = f"http://127.0.0.1:{port}"
    web = site.start_web(port, "unix:///nowhere/redis.sock")
    try:
        site.wait_until_live(address, web)
        yield address
    finally:
        web.terminate()
        web.wait(40)


@pytest.mark.parametrize(
    ("sent", "longest"),
    [
        (HEAD, HEAD_SECONDS + 3),
        (BODY % site.TOKEN.encode(), IDLE_SECONDS + 3),
    ],
    ids=["half a head", "half a body"],
)
def test_as_many_slow_clients_as_threads_are_sent_away(url: str, sent: bytes, longest: float) -> None:
    """Each sends a byte now and then, so that no single pause is long."""
    where, answered = urlsplit(url), threading.Event()
    slow = [socket.create_connection((where.hostname or "", where.port or 0)) for _ in range(8)]
    dribbling = threading.Thread(target=_dribble, args=(slow, answered))
    try:
        for client in slow:
            client.sendall(sent)
        dribbling.start()
        began = time.monotonic()
        assert httpx.get(f"{url}/livez", timeout=60).status_code == 200
        assert time.monotonic() - began < longest
    finally:
        answered.set()
        dribbling.join()
        for client in slow:
            client.close()


def _dribble(clients: list[socket.socket], enough: threading.Event) -> None:
    while not enough.wait(0.3):
        for client in clients:
            with suppress(OSError):
                client.sendall(b"x")
