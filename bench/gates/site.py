"""The real web process and real workers on a bench's server, and a client that posts jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from bench import harness

TOKEN = "a token of the gates"  # noqa: S105 - it opens a server that lives for minutes
QUEUES = ("high", "default", "low")
WORKER = [sys.executable, "-m", "worker", "--tasks", "bench.peers.nightshift", "--horses", "2"]
_WEB = [sys.executable, "-m", "gunicorn", "bench.apps.nightshift:app"]
_SECRETS = {"API_TOKEN": TOKEN, "SECRET_KEY": TOKEN, "ADMIN_PASSWORD": TOKEN, "RATE_LIMIT": "0"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a post was answered with; status 0 when the connection broke."""

    status: int
    body: dict[str, Any]
    seconds: float


class Client:
    """One connection, of one thread."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def post(self, number: int, action: str, *, queue: str = "default", key: str = "") -> Answer:
        """Ask for one job of bench/actions.py."""
        body = {"task": "bench.act", "args": {"action": action, "value": number}, "queue": queue}
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        began = time.monotonic()
        status, answer = self._send(json.dumps(body).encode(), headers)
        return Answer(status, answer, time.monotonic() - began)

    def _send(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        try:
            self._connection.request("POST", "/api/v1/jobs", body, headers)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, HTTPException):
            self._connection.close()
            return 0, {}


@contextmanager
def served(environment: dict[str, str]) -> Iterator[int]:
    """gunicorn with the settings of gunicorn.conf.py; gives its port."""
    port = harness.free_port()
    process = harness.start(_WEB, environment | _SECRETS | {"HOST": "127.0.0.1", "PORT": str(port)})
    try:
        _wait_until_live(port, process)
        yield port
    finally:
        end(process)


@contextmanager
def working(environment: dict[str, str], workers: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers with two horses each; the list may be changed, what is in it at the end is killed."""
    running = [harness.start(WORKER, environment) for _ in range(workers)]
    try:
        yield running
    finally:
        for worker in running:
            end(worker)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with all below it."""
    harness.stop(process.pid)
    process.wait()


def _wait_until_live(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/livez")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError("the web process is not live after 30 s")


def in_use(environment: dict[str, str]) -> None:
    """Let the core of this process use a bench's server; to be called before anything of it is imported."""
    os.environ.update(environment)
