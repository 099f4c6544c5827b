"""No address leads inside: a table of spellings, a name server that changes its mind, a server that redirects.

What counts is what arrives: listeners on this machine count every connection that they accept.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import cycle
from typing import Any

import httpx
import pytest

from jobs import outbound
from jobs.outbound import OutboundFailed, OutboundRefused
from jobs.settings import Settings, use_settings
from tests.payloads import INSIDE_URLS

ALLOWED = "127.0.0.2"
EXPECTED = (OutboundRefused, OutboundFailed, httpx.InvalidURL, ValueError)
_OUR_NAMES = {"localhost", "ip6-localhost", "localhost.localdomain"}


@dataclass
class Listener:
    """A socket of this machine that redirects the request for `/N` to its Nth location, and counts connections."""

    socket: socket.socket
    locations: Sequence[str] = ("/",)
    accepted: int = 0
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def close(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.accepted += 1
                with connection, suppress(OSError):
                    connection.settimeout(2)
                    number = int(connection.recv(4096).split(b" ")[1].strip(b"/") or 0)
                    connection.sendall(self._answer(self.locations[number % len(self.locations)]))

    def _answer(self, location: str) -> bytes:
        head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        return head.encode("utf-8", "replace")


@pytest.fixture
def inside() -> Iterator[Listener]:
    """Listens where none of our calls may arrive."""
    made = Listener(_listening("127.0.0.1", 0))
    six = Listener(_listening("::1", made.port)) if socket.has_ipv6 and _has_six() else None
    yield made
    made.close()
    if six:
        six.close()
        assert six.accepted == 0


@pytest.fixture
def outside(inside: Listener, settings: Settings) -> Iterator[Listener]:
    """Listens where calls may arrive: an address that the settings allow, in place of a public one."""
    allowed = settings.model_dump() | {"NIGHTSHIFT_ENV": "test", "outbound_allow": [f"{ALLOWED}/32"]}
    use_settings(Settings.model_validate(allowed))
    made = Listener(_listening(ALLOWED, inside.port))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers and our own names mean what they mean here; every other name leads inside, and no question leaves."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        known = name.rstrip(".").lower() in _OUR_NAMES or (name.replace(".", "").isalnum() and name[:1].isdigit())
        return real(name if known or ":" in name else "127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def call(*urls: str) -> list[Exception | None]:
    """Call each address; gives what each call raised, None where one went through."""

    async def go() -> list[Exception | None]:
        async with outbound.client(seconds=2) as client:
            return [await _failure(client, url) for url in urls]

    return asyncio.run(go())


async def _failure(client: Any, url: str) -> Exception | None:
    try:
        await outbound.send(client, client.build_request("GET", url), seconds=2, max_bytes=100)
    except Exception as error:  # what it may raise is judged by the test
        return error
    return None


def test_no_spelling_of_an_address_leads_inside(inside: Listener, settings: Settings) -> None:
    urls = [url.replace("{port}", str(inside.port)) for url in INSIDE_URLS]
    assert len(urls) >= 80
    for url, error in zip(urls, call(*urls), strict=True):
        assert isinstance(error, EXPECTED), (url, error)
    assert inside.accepted == 0


def test_no_redirect_leads_inside(inside: Listener, outside: Listener) -> None:
    urls = [url.replace("{port}", str(inside.port)) for url in INSIDE_URLS]
    outside.locations = ["".join(url.splitlines()) for url in urls]
    call(*[f"http://{ALLOWED}:{outside.port}/{number}" for number in range(len(urls))])
    assert outside.accepted >= len(INSIDE_URLS)
    assert inside.accepted == 0


def test_a_name_that_changes_its_mind_leads_nowhere_else(
    inside: Listener, outside: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name server gives the allowed address and the one inside in turn, to whoever asks."""
    answers = cycle([ALLOWED, "127.0.0.1", ALLOWED, ALLOWED, "127.0.0.1"])

    def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (str(ip_address(next(answers))), port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    outside.locations = [f"http://again.example.com:{inside.port}/"]
    call(*[f"http://rebinding.example.com:{inside.port}/{number}" for number in range(50)])
    assert outside.accepted > 20
    assert inside.accepted == 0


def _listening(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    made.listen(64)
    return made


def _has_six() -> bool:
    try:
        _listening("::1", 0).close()
    except OSError:
        return False
    return True
