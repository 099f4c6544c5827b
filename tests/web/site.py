"""A real web process with a real server of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli import server

TOKEN = "a token of the web tests"
ROOT = Path(__file__).parents[2]


@dataclass
class Site:
    """A web process and its Redis."""

    url: str
    redis: "subprocess.Popen[bytes]"
    web: "subprocess.Popen[bytes]"
    # One client: each has a TLS context of its own, which costs more than the request that is measured.
    client: httpx.Client

    def call(self, method: str, path: str) -> tuple[httpx.Response, float]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        json = (
            {"task": "images.thumbnail", "args": {"photo": "file_" + "0" * 32}}
            if path == "/api/v1/jobs" and method == "POST"
            else None
        )
        began = time.monotonic()
        answer = self.client.request(method, self.url + path, headers=headers, json=json)
        return answer, time.monotonic() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_web(port: int, redis_url: str, app: str = "web.wsgi:app", **settings: str) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": os.environ["PATH"],
        "NIGHTSHIFT_ENV": "test",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "RATE_LIMIT": "0",
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": "8",
        "WEB_CONNECTIONS": "1",  # the least: whoever holds one for long would be seen
        "REDIS_URL": redis_url,
        "API_TOKEN": TOKEN,
        "SECRET_KEY": "a secret key of the web tests",
        "ADMIN_PASSWORD": "a password of the web tests",
        **settings,
    }
    # Made-up requests may have long lines; what gunicorn itself answers to those is not ours to test.
    command = [sys.executable, "-m", "gunicorn", "--limit-request-line", "0", app]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def wait_until_live(url: str, web: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert web.poll() is None, "gunicorn ended"
        try:
            httpx.get(f"{url}/livez", timeout=2)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("gunicorn is not live after 30 s")


@contextmanager
def running() -> Iterator[Site]:
    """Start both, wait until they answer, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as name:
        folder, address = Path(name), Path(name, "redis.sock")
        redis = server.start(server.find_binary(), address=address, folder=folder, durable=False)
        server.wait_until_ready(redis, address=address, folder=folder)
        port = free_port()
        web = start_web(port, server.url_of(address))
        try:
            wait_until_live(f"http://127.0.0.1:{port}", web)
            with httpx.Client(timeout=20, limits=httpx.Limits(max_connections=None)) as client:
                yield Site(f"http://127.0.0.1:{port}", redis, web, client)
        finally:
            for process in (web, redis):
                process.send_signal(signal.SIGCONT)
                process.terminate()
            for process in (web, redis):
                process.wait(30)
