"""Redis stopped or hung: 503 and Retry-After on every route, within 3 s, never a hang. Real gunicorn, real server."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cli import server

pytestmark = pytest.mark.processes

TOKEN = "a token of the outage tests"
ROOT = Path(__file__).parents[2]
ROUTES = [
    ("GET", "/api/v1/jobs"),
    ("GET", "/api/v1/jobs/x"),
    ("GET", "/api/v1/jobs/x/result"),
    ("GET", "/api/v1/jobs/x/log"),
    ("GET", "/api/v1/jobs/x/artifacts/y"),
    ("GET", f"/api/v1/files/file_{'0' * 32}"),
    ("GET", f"/api/v1/files/file_{'0' * 32}/content"),
    ("POST", "/api/v1/jobs"),
    ("POST", "/api/v1/files"),
]


@dataclass
class Site:
    """A web process and its Redis."""

    url: str
    redis: "subprocess.Popen[bytes]"

    def call(self, method: str, path: str) -> tuple[httpx.Response, float]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        json = (
            {"task": "images.thumbnail", "args": {"photo": "file_" + "0" * 32}}
            if path == "/api/v1/jobs" and method == "POST"
            else None
        )
        began = time.monotonic()
        answer = httpx.request(method, self.url + path, headers=headers, json=json, timeout=20)
        return answer, time.monotonic() - began


@pytest.fixture
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="nightshift-") as name:
        folder, address = Path(name), Path(name, "redis.sock")
        redis = server.start(server.find_binary(), address=address, folder=folder, durable=False)
        server.wait_until_ready(redis, address=address, folder=folder)
        port = free_port()
        web = start_web(port, server.url_of(address))
        try:
            site = Site(f"http://127.0.0.1:{port}", redis)
            wait_until_live(site.url, web)
            yield site
        finally:
            for process in (web, redis):
                process.send_signal(signal.SIGCONT)
                process.terminate()
            for process in (web, redis):
                process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_web(port: int, redis_url: str) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": os.environ["PATH"],
        "NIGHTSHIFT_ENV": "test",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": "8",
        "REDIS_URL": redis_url,
        "API_TOKEN": TOKEN,
        "SECRET_KEY": "a secret key of the outage tests",
        "ADMIN_PASSWORD": "a password of the outage tests",
    }
    command = [sys.executable, "-m", "gunicorn", "web.wsgi:app"]
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


def assert_unavailable(answer: httpx.Response, took: float) -> None:
    assert took < 3
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("stop", [signal.SIGSTOP, signal.SIGKILL])
def test_an_outage_is_503_within_three_seconds_on_every_route(site: Site, stop: signal.Signals) -> None:
    assert site.call("GET", "/api/v1/jobs")[0].status_code == 200
    site.redis.send_signal(stop)
    for method, path in ROUTES:
        assert_unavailable(*site.call(method, path))
    with ThreadPoolExecutor(30) as pool:
        for answer, took in pool.map(lambda _: site.call("GET", "/api/v1/jobs"), range(60)):
            assert_unavailable(answer, took)
    ready, took = site.call("GET", "/readyz")
    assert_unavailable(ready, took)
    assert site.call("GET", "/livez")[0].status_code == 200


def test_a_hung_server_that_wakes_up_is_used_again(site: Site) -> None:
    site.redis.send_signal(signal.SIGSTOP)
    assert_unavailable(*site.call("GET", "/api/v1/jobs"))
    site.redis.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 5
    while site.call("GET", "/api/v1/jobs")[0].status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
