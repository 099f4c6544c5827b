"""How long a scrape takes when there is much to tell: 1,000 tasks and 20 queues, by a real web process.

    python -m bench.metrics

Each task in one queue is what services look like; each task in every queue is the worst that there can be.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import httpx

from bench import harness

TASKS, QUEUES, SCRAPES = 1000, 20, 7
ENDINGS = ((("finished", 3, 2), 40), (("finished", 4, 2), 900), (("finished", 6, 4), 30), (("failed", 5, 3), 2))
TOKEN = "a token of this bench"  # noqa: S105 - of a web process that lives for seconds


def fill(bench: harness.Bench, queues_of_each: int) -> int:
    """Counters as the scripts write them (jobs/lua/parts/stats.lua); gives how many."""
    with bench.redis.pipeline(transaction=False) as pipe:
        for task in range(TASKS):
            for queue in range(queues_of_each):
                label = f"subject.task_{task:04}|queue-{(task + queue) % QUEUES:02}"
                counters: dict[Any, Any] = {f"r|{label}": 1234567, f"w|{label}": 76543}
                counters |= {f"n|{label}|{outcome}|{run}|{wait}": n for (outcome, run, wait), n in ENDINGS}
                pipe.hset("ns:stats:total", mapping=counters)
        pipe.sadd("rq:queues", *(f"rq:queue:queue-{number:02}" for number in range(QUEUES)))
        pipe.execute()
    return int(bench.redis.hlen("ns:stats:total"))


def scrape(url: str) -> tuple[float, int]:
    """Median seconds, and the number of lines."""
    seconds, lines = [], 0
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        for _ in range(SCRAPES):
            began = time.perf_counter()
            text = client.get(f"{url}/metrics").raise_for_status().text
            seconds.append(time.perf_counter() - began)
            lines = text.count("\n")
    return statistics.median(seconds), lines


def measure(queues_of_each: int) -> str:
    """One row."""
    with harness.bench() as bench:
        counters, port = fill(bench, queues_of_each), harness.free_port()
        own = {"API_TOKEN": TOKEN, "PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": "1", "RATE_LIMIT": "0"}
        web = harness.start([sys.executable, "-m", "gunicorn", "web.wsgi:app"], bench.environment | own)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_live(url)
            seconds, lines = scrape(url)
        finally:
            harness.stop(web.pid)
    return f"| {queues_of_each} | {counters:,} | {lines:,} | {seconds * 1000:.0f} |"


def _wait_until_live(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/livez").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError("the web process is not live after 30 s")


def main() -> None:
    """Print a table."""
    print(f"{TASKS:,} tasks, {QUEUES} queues; median of {SCRAPES} scrapes\n")
    print("| queues of each task | counters in Redis | lines | ms |\n|---:|---:|---:|---:|")
    for queues_of_each in (1, QUEUES):
        print(measure(queues_of_each))


if __name__ == "__main__":
    main()
