"""POST of one job at 32 connections, 2 gunicorn processes: requests a second and latencies, against peers.

    python -m bench.http --requests 4000 --rounds 3

Needs bench/requirements.txt. All run in every round, one after the other, with a fresh server and without a worker.
The client sends prepared bytes from one process of its own, but shares the cores with what it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping

from bench import harness

CONNECTIONS = 32
TOKEN = "a token of the benchmark"  # noqa: S105 - it opens a server that lives for seconds
APPS = ("nightshift", "rq_flask", "celery_flask")
_WARM_UP = 200
_OPTIONS = ("--workers", "2", "--threads", "16", "--bind")
_PATIENT = ("--worker-class", "web.serving.PatientThreads")
_PLAIN = ("--worker-class", "gthread")


def measure(name: str, requests: int) -> dict[str, float]:
    """One peer, once."""
    with harness.bench() as bench:
        port = _free_port()
        process = _serve(name, port, bench.environment)
        try:
            call = _call(name, port)
            asyncio.run(_until_served(port, call))
            asyncio.run(_send(port, call, _WARM_UP))
            before, began = harness.cpu_seconds(process.pid), time.monotonic()
            took = sorted(asyncio.run(_send(port, call, requests)))
            seconds, cpu = time.monotonic() - began, harness.cpu_seconds(process.pid) - before
        finally:
            harness.stop(process.pid)
            process.wait()
    return {"requests/s": requests / seconds, "requests/cpu-s": requests / cpu} | _percentiles(took)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _percentiles(took: list[float]) -> dict[str, float]:
    return {f"p{share} ms": took[len(took) * share // 100] * 1000 for share in (50, 95, 99)}


def _serve(name: str, port: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    own = {"API_TOKEN": TOKEN, "SECRET_KEY": TOKEN, "ADMIN_PASSWORD": TOKEN, "RATE_LIMIT": "1000000"}
    kind = _PATIENT if name == "nightshift" else _PLAIN
    command = [sys.executable, "-m", "gunicorn", "-c", os.devnull, *kind, *_OPTIONS, f"127.0.0.1:{port}"]
    return subprocess.Popen(
        [*command, f"bench.apps.{name}:app"],
        cwd=harness.ROOT,
        env=os.environ | environment | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


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


async def _until_served(port: int, call: bytes) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            await _one_connection(port, call, [1])
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


async def _send(port: int, call: bytes, requests: int) -> list[float]:
    """Seconds of each request, over all connections."""
    left = [requests]
    found = await asyncio.gather(*(_one_connection(port, call, left) for _ in range(CONNECTIONS)))
    return [seconds for connection in found for seconds in connection]


async def _one_connection(port: int, call: bytes, left: list[int]) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    while left[0] > 0:
        left[0] -= 1
        began = time.perf_counter()
        writer.write(call)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(_length(head))
        took.append(time.perf_counter() - began)
    writer.close()
    return took


def _length(head: bytes) -> int:
    if not head.startswith(b"HTTP/1.1 202"):
        raise RuntimeError(f"not accepted: {head.splitlines()[0].decode()}")
    lower = head.lower()
    return int(lower[lower.index(b"content-length:") + 15 :].split(b"\r\n")[0])


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
