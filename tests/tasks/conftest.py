"""What the tests of the tasks share: real servers on loopback, and jobs whose attempts follow one another."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from jobs import registry, running
from jobs.context import JobContext
from jobs.inline import Inline, inline_mode
from jobs.records import Job
from jobs.settings import Settings, use_settings

SAMPLES = Path(__file__).parents[2] / "samples"
PHOTO, FLIGHTS = SAMPLES / "rocket.jpg", SAMPLES / "flights.csv"


@pytest.fixture
def outward(settings: Settings) -> Settings:
    """Settings that let loopback through the guard, and sign webhooks."""
    changed = {"outbound_allow": ("127.0.0.0/8",), "webhook_secret": "whsec_" + "c2VjcmV0" * 4}
    chosen = Settings.model_validate(settings.model_dump() | {"NIGHTSHIFT_ENV": "test"} | changed)
    use_settings(chosen)
    return chosen


@pytest.fixture
def inline(settings: Settings) -> Iterator[Inline]:
    """Jobs run at once, without a server."""
    with inline_mode() as mode:
        yield mode


@dataclass(slots=True)
class Attempts:
    """One job, attempt after attempt, as a worker would run it; its notes are kept between them."""

    task: str
    args: dict[str, Any]
    fields: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def run(self) -> Any:
        """Run the next attempt; raises what the task raises."""
        self.count += 1
        job = Job("a1b2c3", self.task, self.args, "default", "started", datetime.now(UTC), attempt=self.count)
        state = json.loads(self.fields.get("checkpoint", "null"))
        return json.loads(running.run(registry.find(self.task), self.args, JobContext(job, self, state=state)))

    def write(self, name: str, value: str) -> None:
        self.fields[name] = value

    def log(self, line: str) -> None:
        self.lines.append(line)

    def artifact(self, name: str) -> str | None:
        return self.artifacts.get(name)

    def add_artifact(self, name: str, file_id: str) -> None:
        self.artifacts[name] = file_id


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that a site received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site says: a body that is sent as JSON unless it is bytes already."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    slowly: Iterable[bytes] = ()

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Script = Callable[[Asked], Answer]


class Site(ThreadingHTTPServer):
    """A real HTTP server on a free port of loopback; `script` says what it answers."""

    daemon_threads = True

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.asked = script, list[Asked]()
        self.scheme = "https" if context else "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is part of these tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are written apart, which would wait 40 ms for each other
    server: Site

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, self.path, dict(self.headers), body)
        self.server.asked.append(asked)
        answer = self.server.script(asked)
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.content)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.content)
        for piece in answer.slowly:
            self.wfile.write(piece)

    do_GET = do_POST = _answer  # noqa: N815 - the names http.server looks for

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


Sites = Callable[..., Site]


@pytest.fixture
def site() -> Iterator[Sites]:
    """Start real HTTP servers; they stop with the test."""
    started: list[Site] = []

    def start(script: Script, context: ssl.SSLContext | None = None) -> Site:
        server = Site(script, context)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A private certificate authority that this process trusts, as an operator would have it: by SSL_CERT_FILE."""
    ca, path = trustme.CA(), tmp_path / "authority.pem"
    ca.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return ca


def tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@contextmanager
def resolving(monkeypatch: pytest.MonkeyPatch, *answers: str) -> Iterator[list[str]]:
    """A name server of our own making: each question takes the next answer, the last one stays."""
    import socket

    asked: list[str] = []

    def getaddrinfo(host: str | bytes, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host.decode() if isinstance(host, bytes) else host)
        address = answers[min(len(asked), len(answers)) - 1]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield asked
