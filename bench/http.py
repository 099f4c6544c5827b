"""POST of one job at 32 connections, 2 gunicorn processes: requests a second and latencies, against peers.

    python -m bench.http --requests 4000 --rounds 3

Needs bench/requirements.txt. All run in every round, one after the other, with a fresh server and without a worker.
Ours is served as it ships, by gunicorn.conf.py, and logs each request; the peers by as many of gunicorn's own threads,
without a log.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping

from bench import harness
from bench.client import Load

CONNECTIONS = 32
TOKEN = "a token of the benchmark"  # noqa: S105 - it opens a server that lives for seconds
APPS = ("nightshift", "rq_flask", "celery_flask")
_WARM_UP = 400
_PROCESSES, _THREADS = "2", "8"


def measure(name: str, requests: int) -> dict[str, float]:
    """One peer, once."""
    with harness.bench() as bench:
        port = harness.free_port()
        process = _serve(name, port, bench.environment)
        try:
            load = Load(port, _call(name, port), CONNECTIONS)
            _wait_until_served(load)
            _wait_until_idle(process.pid)
            load.run(_WARM_UP)
            before, began = harness.cpu_seconds(process.pid), time.monotonic()
            took = sorted(load.run(requests))
            seconds, cpu = time.monotonic() - began, harness.cpu_seconds(process.pid) - before
        finally:
            harness.stop(process.pid)
            process.wait()
    return {"requests/s": requests / seconds, "requests/cpu-s": requests / cpu} | _percentiles(took)


def _percentiles(took: list[float]) -> dict[str, float]:
    return {f"p{share} ms": took[len(took) * share // 100] * 1000 for share in (50, 95, 99)}


def _serve(name: str, port: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    own = {"API_TOKEN": TOKEN, "SECRET_KEY": TOKEN, "ADMIN_PASSWORD": TOKEN, "RATE_LIMIT": "1000000"}
    size = {"WEB_CONCURRENCY": _PROCESSES, "WEB_THREADS": _THREADS, "HOST": "127.0.0.1", "PORT": str(port)}
    options = ["-c", "gunicorn.conf.py"] if name == "nightshift" else _plain(port)
    return subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options, f"bench.apps.{name}:app"],
        cwd=harness.ROOT,
        env=os.environ | environment | own | size | {"LOG_LEVEL": "INFO"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _plain(port: int) -> list[str]:
    threads = ["--worker-class", "gthread", "--workers", _PROCESSES, "--threads", _THREADS]
    return ["-c", os.devnull, "--no-control-socket", *threads, "--bind", f"127.0.0.1:{port}", "--keep-alive", "95"]


def _call(name: str, port: int) -> bytes:
    path = "/api/v1/jobs" if name == "nightshift" else "/jobs"
    args = {"payload": {"number": 1}} if name == "nightshift" else {"number": 1}
    body = json.dumps({"task": "bench.noop", "args": args} if name == "nightshift" else {"args": args}).encode()
    head = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {TOKEN}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def _wait_until_served(load: Load) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            load.run(1)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _wait_until_idle(pid: int) -> None:
    """All processes have loaded their app: while one still does, another would take all connections and keep them."""
    before = -1.0
    while (used := harness.cpu_seconds(pid)) != before:
        before = used
        time.sleep(0.3)


def main() -> None:
    """Measure every peer in turn, in rounds, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--apps", default=",".join(APPS))
    given = parser.parse_args()
    results: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(given.rounds):
        for name in given.apps.split(","):
            for column, value in measure(name, given.requests).items():
                results[name][column].append(value)
    harness.print_table(results, compare="requests/s", also="requests/cpu-s")


if __name__ == "__main__":
    main()
