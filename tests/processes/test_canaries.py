"""Secrets in the settings, in arguments and in requests are in no log line, no answer and no page of real processes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from redis import Redis

from cli import server
from tests.payloads import LOG_FORGING
from tests.web import site
from tests.worker.waiting import eventually

pytestmark = pytest.mark.processes

CANARY = "canary"
SECRETS = {
    "SECRET_KEY": "canary-of-the-sessions-key",
    "ADMIN_PASSWORD": "canary-of-the-admin-password",
    "API_TOKEN": "canary-of-the-api-token",
    "SMTP_URL": "smtp://me:canary%2Fof%2Fthe%2Fmail@127.0.0.1:9",
    "WEBHOOK_SECRET": "canary-of-the-webhooks",
}
PAGES = ("/", "/jobs", "/failures", "/queues", "/schedules", "/workers", "/tasks", "/audit", "/settings", "/broken")
READS = ("jobs", "failures", "queues", "schedules", "workers", "tasks", "tokens", "audit", "stats")
CLOSED = ("/metrics", "/openapi.json", "/readyz", "/version", "/nothing")


@dataclass(frozen=True, slots=True)
class Running:
    """Web, worker and clock, what they write, and their server, which demands a password."""

    folder: Path
    url: str
    redis: subprocess.Popen[bytes]

    def lines(self) -> list[str]:
        """Everything that any of them has written so far."""
        return [line for log in self.folder.glob("*.log") for line in log.read_text().splitlines()]


@pytest.fixture
def running() -> Iterator[Running]:
    with TemporaryDirectory(prefix="nightshift-") as name, ExitStack() as stack:
        folder, address = Path(name), Path(name, "redis.sock")
        redis = server.start(server.find_binary(), address=address, folder=folder / "server", durable=False)
        stack.callback(_end, redis)
        server.wait_until_ready(redis, address=address, folder=folder / "server")
        with Redis(unix_socket_path=str(address)) as client:
            client.config_set("requirepass", "canary-of-redis")
        port = site.free_port()
        variables = {"REDIS_URL": f"unix://:canary-of-redis@{address}", "PORT": str(port), **SECRETS}
        gunicorn = ("gunicorn", "--limit-request-line", "0", "tests.processes.leaky_web:app")
        for what, *words in (
            ("web", "-m", *gunicorn),
            ("worker", "-m", "worker", "--horses", "1", "--tasks", "tests.processes.leaky_tasks"),
            ("clock", "clock.py"),
        ):
            stack.enter_context(_process(folder / f"{what}.log", words, variables))
        eventually(lambda: _answers(f"http://127.0.0.1:{port}/livez"))
        yield Running(folder, f"http://127.0.0.1:{port}", redis)


def test_no_secret_is_told_by_anything_that_runs(running: Running) -> None:
    seen: list[str] = []
    keep = {"response": [lambda answer: seen.append(f"{answer.headers}\n{answer.read().decode()}")]}
    api = httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {SECRETS['API_TOKEN']}"}, timeout=10)
    person = httpx.Client(base_url=running.url, timeout=10)
    api.event_hooks = person.event_hooks = dict(keep)
    with api, person:
        jobs = [_spill(api, fail=fail) for fail in (True, False)]
        jobs.append(_enqueue(api, "mail.send", {"to": ["you@example.com"], "subject": "x", "text": "y"}))
        eventually(lambda: [_state(api, job) for job in jobs[:2]] == ["failed", "finished"])
        _be_wrong(api, person)
        _log_in(person)
        for path in (*PAGES, *(f"/jobs/{job}" for job in jobs)):
            assert person.get(path).status_code == (500 if path == "/broken" else 200), path
        for path in (*CLOSED, *(f"/api/v1/{name}" for name in READS)):
            api.get(path)
        for part in ("", "/result", "/log"):
            assert [api.get(f"/api/v1/jobs/{job}{part}").status_code for job in jobs[:2]]
        running.redis.send_signal(signal.SIGKILL)
        assert api.get("/api/v1/jobs").status_code == 503
    eventually(lambda: sum("edis" in line for line in running.lines()) > 3)
    assert [text for text in seen if CANARY in text] == []
    assert [line for line in running.lines() if CANARY in line] == []
    assert all(line.isprintable() and json.loads(line) for line in running.lines())
    assert sum('"event": "request"' in line for line in running.lines()) >= len(seen)


def _be_wrong(api: httpx.Client, person: httpx.Client) -> None:
    """With secrets and log lines in every place of a request."""
    assert person.get("/api/v1/jobs", headers={"Authorization": "Bearer canary-of-a-guess"}).status_code == 401
    assert person.get("/api/v1/jobs", headers={"Authorization": "Basic Y2FuYXJ5OmNhbmFyeQ=="}).status_code == 401
    for text in LOG_FORGING:
        api.get(httpx.URL(_path(text)))
        sent = bytes(byte for byte in text.encode() if 32 <= byte != 127)  # no client sends the others
        api.get("/api/v1/jobs", params={"tag": text}, headers=[(b"X-Request-ID", sent), (b"User-Agent", sent)])
    for wrong in ({"task": "leaky.spill", "args": {"key": ["canary-of-a-wrong-type"]}}, {"password": "canary"}):
        assert api.post("/api/v1/jobs", json=wrong).status_code == 422


def _path(text: str) -> str:
    """A path that no route has, with this text in it."""
    return "/" + "".join(f"%{byte:02x}" for byte in text.encode())


def _log_in(person: httpx.Client) -> None:
    for password, status in (("canary-of-another-guess", 403), (SECRETS["ADMIN_PASSWORD"], 303)):
        token = re.findall(r'name="csrf_token" value="([^"]+)"', person.get("/login").text)[0]
        assert person.post("/login", data={"csrf_token": token, "password": password}).status_code == status


def _spill(api: httpx.Client, *, fail: bool) -> str:
    options = {"password": "canary-of-options", "deep": [{"api_key": "canary-of-the-deep"}]}
    return _enqueue(api, "leaky.spill", {"key": "canary-of-arguments", "options": options, "fail": fail})


def _enqueue(api: httpx.Client, task: str, args: dict[str, object]) -> str:
    return str(api.post("/api/v1/jobs", json={"task": task, "args": args}).raise_for_status().json()["id"])


def _state(api: httpx.Client, job: str) -> str:
    return str(api.get(f"/api/v1/jobs/{job}").json()["status"])


@contextmanager
def _process(log: Path, words: list[str], variables: dict[str, str]) -> Iterator[None]:
    fixed = {"NIGHTSHIFT_ENV": "test", "HOST": "127.0.0.1", "WEB_CONCURRENCY": "1", "LOG_LEVEL": "DEBUG"}
    with log.open("wb") as to:
        started = subprocess.Popen(
            [sys.executable, *words], cwd=site.ROOT, env=fixed | variables, stdout=to, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        _end(started)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
