"""bin/dev: one command for everything, and nothing left of it at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .checkout import Dev, free_port, make_checkout, processes_of

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkout(tmp_path_factory.mktemp("dev") / "a checkout")


@pytest.fixture
def checkout(sources: Path) -> Iterator[Path]:
    """As cloned, but for .venv."""
    yield sources
    shutil.rmtree(sources / ".data")


@pytest.fixture
def dev(checkout: Path) -> Iterator[Dev]:
    # A short grace, because jobs are running when these runs are stopped.
    running = Dev(checkout, "--port", str(free_port()), SHUTDOWN_GRACE="0.5").wait_until_ready()
    yield running
    if running.process.poll() is None:
        running.stop()


def start_a_nap(dev: Dev) -> str:
    """A job that a horse is busy with; gives its id."""
    job_id: str = dev.post("/api/v1/jobs", {"task": "naps.nap"})["id"]
    deadline = time.monotonic() + 20
    while dev.get(f"/api/v1/jobs/{job_id}")["status"] != "started":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return job_id


def test_it_says_who_may_come_in_to_this_user_only(dev: Dev) -> None:
    assert dev.facts.keys() == {"url", "admin_password", "api_token", "redis_url"}
    assert stat.S_IMODE((dev.checkout / ".data" / "dev.json").stat().st_mode) == 0o600
    assert dev.facts["redis_url"].startswith("unix:///")
    assert all(dev.facts[name] in dev.output for name in ("url", "admin_password", "api_token"))
    assert dev.get("/readyz")["status"] == "ready"


def test_a_second_run_in_the_same_checkout_is_refused(dev: Dev) -> None:
    second = Dev(dev.checkout, "--port", str(free_port()))
    assert second.refusal() == f"Nightshift already runs in this checkout: stop it first (kill {dev.process.pid}).\n"
    assert dev.get("/readyz")["status"] == "ready"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_no_process_is_left_and_the_data_stays(dev: Dev, number: signal.Signals, code: int) -> None:
    job_id, token = start_a_nap(dev), dev.facts["api_token"]
    assert len(processes_of(dev.checkout)) > 8

    assert dev.stop(number) == code
    assert processes_of(dev.checkout) == {}
    assert not (dev.checkout / ".data" / "dev.json").exists()

    again = Dev(dev.checkout, "--port", str(free_port()), SHUTDOWN_GRACE="0.5").wait_until_ready()
    try:
        assert again.facts["api_token"] == token
        job = again.get(f"/api/v1/jobs/{job_id}")
        assert (job["status"], job["attempt"]) in {("queued", 0), ("started", 1)}
    finally:
        again.stop()


def test_it_ends_with_whoever_started_it(checkout: Path) -> None:
    program = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    dev = Dev(checkout, "--port", str(free_port()), prefix=(sys.executable, "-c", program)).wait_until_ready()
    dev.stop(signal.SIGKILL)
    assert processes_of(checkout) == {}


@pytest.mark.parametrize(
    ("victim", "said"),
    [("valkey-server unix", "The embedded server has ended"), ("gunicorn web.wsgi", "web stopped"), ("cli.keeper", "")],
)
def test_a_part_that_is_killed_takes_nothing_along_that_stays(dev: Dev, victim: str, said: str) -> None:
    if victim.startswith("valkey") and not any(victim in line for line in processes_of(dev.checkout).values()):
        victim = "redis-server unix"
    os.kill(min(pid for pid, line in processes_of(dev.checkout).items() if victim in line), signal.SIGKILL)
    if not said:
        dev.process.send_signal(signal.SIGINT)  # nobody depends on the keeper before the end
    assert dev.process.wait(60) != 0
    dev.wait_until_all_ended()
    assert said in dev.output
    assert processes_of(dev.checkout) == {}


def test_a_taken_port_is_named_with_another_one(checkout: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = Dev(checkout, "--port", str(port)).refusal()
    assert said == f"Port {port} cannot be used (Address already in use): try bin/dev --port {port + 1}.\n"


def test_a_server_of_ones_own_is_used_instead(checkout: Path, redis_url: str) -> None:
    dev = Dev(checkout, "--port", str(free_port()), REDIS_URL=redis_url).wait_until_ready()
    assert dev.facts["redis_url"] == redis_url
    assert "  Redis           yours" in dev.output
    assert not any("valkey-server" in line for line in processes_of(checkout).values())
    dev.stop()
    assert processes_of(checkout) == {}


def test_a_server_of_ones_own_that_is_not_there_is_named(checkout: Path) -> None:
    said = Dev(checkout, "--port", str(free_port()), REDIS_URL="redis://127.0.0.1:1/0").refusal()
    assert "REDIS_URL: Redis is unavailable" in said
    assert said.endswith("Solve that, or unset REDIS_URL: then an embedded server is started.\n")


def test_a_long_path_does_not_stop_the_server(tmp_path: Path) -> None:
    dev = Dev(make_checkout(tmp_path / ("deep" * 30)), "--port", str(free_port())).wait_until_ready()
    assert dev.get("/readyz")["status"] == "ready"
    assert dev.stop() == 143
    assert processes_of(dev.checkout) == {}
