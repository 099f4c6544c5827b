"""The processes of the Procfile, idle: how long each takes until it is ready, and how much memory it holds then."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from urllib.error import URLError

from bench import harness

COMMANDS = {
    "web (2 processes, 8 threads)": ("-m", "gunicorn", "web.wsgi:app"),
    "worker (2 horses)": ("-m", "worker"),
    "clock": ("clock.py",),
    "all-in-one": ("-m", "cli", "all-in-one"),
}
_SECRETS = {"SECRET_KEY": "s" * 32, "ADMIN_PASSWORD": "p" * 32, "API_TOKEN": "t" * 32}
_SETTLED = 5.0  # seconds after which an idle process holds what it will hold


def measure(name: str) -> dict[str, float]:
    """Start one of COMMANDS, alone on a server, and stop it again."""
    with harness.bench() as bench:
        port = harness.free_port()
        environment = bench.environment | _SECRETS | {"PORT": str(port), "HOST": "127.0.0.1"}
        started = time.monotonic()
        process = harness.start([sys.executable, *COMMANDS[name]], environment)
        try:
            _wait_for(lambda: _ready(name, bench, port))
            seconds = time.monotonic() - started
            time.sleep(_SETTLED)
            return {"ready after (s)": seconds, "pss MB": harness.memory_kb(process.pid) / 1024} | _stopped(process)
        finally:
            harness.stop(process.pid)
            process.wait()


def _stopped(process: subprocess.Popen[bytes]) -> dict[str, float]:
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return {"gone after SIGTERM (s)": time.monotonic() - started}


def _ready(name: str, bench: harness.Bench, port: int) -> bool:
    working = bool(bench.redis.scard("rq:workers")), bool(bench.redis.exists("ns:clock:lease"))
    if name == "all-in-one":
        return all(working) and _answers(port)
    if name.startswith("web"):
        return _answers(port)
    return working[name == "clock"]


def _answers(port: int) -> bool:
    with suppress(URLError, ConnectionError, TimeoutError):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1) as answer:
            return bool(answer.status == 200)
    return False


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not become ready")
        time.sleep(0.02)
