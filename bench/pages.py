"""What each page of the dashboard costs: time on the server, round trips to Redis, bytes sent; and memory over many.

python -m bench.pages                        # with 0, 100,000 and 1,000,000 jobs; about four minutes
python -m bench.pages --jobs 100000 --views 40

The process is gunicorn as the Procfile starts it, over a server of its own on loopback. Every page is asked for once
by somebody who is the first to look ("cold": nothing is cached), then again and again, as a tab that polls does.
Round trips are those of the cold view, counted by the server. Times include the way over loopback and suffer from what
else the machine does; CPU time is that of the web process for a view and does not.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from bench import harness

_PASSWORD = "a password of the benchmark"  # noqa: S105 - of a server that ends with it
_SECRETS = {"ADMIN_PASSWORD": _PASSWORD, "SECRET_KEY": "a secret key of the benchmark", "API_TOKEN": "a token of it"}
_CACHED_AT_MOST = 5.2  # seconds: the longest that a page of the present is kept
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_HEAD = ("page", "cold ms", "p50 ms", "p99 ms", "CPU ms", "trips", "KB", "KB gzip")

PAGES = {
    "overview": "/",
    "overview, 24 hours": "/?range=24h",
    "overview, 7 days": "/?range=7d",
    "jobs": "/jobs",
    "jobs, waiting": "/jobs?status=queued",
    "jobs, failed": "/jobs?status=failed",
    "jobs, a far page": "far",
    "jobs, a filter without a match": "/jobs?task=nothing",
    "jobs, a search without a match": "/jobs?text=nothing",
    "count of all that match": "/jobs/count?status=failed",
    "count by task": "/jobs/count?status=queued&task=sample.mail",
    "a job": "job",
    "new job": "/jobs/new?task=mail.send",
    "failures": "/failures",
    "queues": "/queues",
    "schedules": "/schedules",
    "a schedule": "/schedules/every.7",
    "workers": "/workers",
    "tasks": "/tasks",
    "audit": "/audit",
    "settings": "/settings",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks, at what, how often; `pid` is the web process."""

    bench: harness.Bench
    client: httpx.Client
    pid: int
    views: int


@dataclass(frozen=True, slots=True)
class Row:
    """What one page costs."""

    page: str
    cold: float
    times: list[float]
    cpu: float
    trips: int
    plain: int
    packed: int

    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        p50, p99 = statistics.median(self.times), statistics.quantiles(self.times, n=100)[98]
        sizes = (self.plain / 1024, self.packed / 1024)
        return (
            self.page,
            *(f"{value:.1f}" for value in (self.cold, p50, p99, self.cpu)),
            str(self.trips),
            *(f"{size:.1f}" for size in sizes),
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="*", default=[0, 100_000, 1_000_000])
    parser.add_argument("--dead", type=int, default=100_000, help="dead letters, where there are jobs at all")
    parser.add_argument("--views", type=int, default=100)
    parser.add_argument("--only", default="", help="pages with this in their name")
    chosen = parser.parse_args()
    if len(chosen.jobs) == 1:
        return run(chosen.jobs[0], chosen.dead if chosen.jobs[0] else 0, chosen.views, chosen.only)
    for jobs in chosen.jobs:  # a process for each, as the settings are read once
        options = ["--jobs", str(jobs), "--dead", str(chosen.dead), "--views", str(chosen.views), "--only", chosen.only]
        subprocess.run([sys.executable, "-m", "bench.pages", *options], check=True)
    return None


def run(jobs: int, dead: int, views: int, only: str) -> None:
    """All pages over a server with so many jobs."""
    with harness.bench() as bench:
        os.environ.update(bench.environment | _SECRETS)
        from bench import filling  # reads the server's address when its settings are first asked for

        filling.fill(bench.redis, jobs, dead)
        with _web(bench.environment) as (pid, url), _logged_in(url) as client:
            rows = [_measure(Visit(bench, client, pid, views), page) for page in PAGES if only in page]
            print(f"\n### {jobs:,} waiting jobs, {dead:,} dead letters\n")
            _show(rows)
            print(f"\nmemory of the web process: {_memory(client, pid)}")


def _measure(visit: Visit, page: str) -> Row:
    path = _path(visit.client, page)
    time.sleep(_CACHED_AT_MOST)
    before = _reads(visit.bench)
    cold, answer = _timed(visit.client, path)
    trips = _reads(visit.bench) - before - 1
    assert answer.status_code == 200, f"{path} answers with {answer.status_code}"
    began = harness.cpu_seconds(visit.pid)
    times = [_timed(visit.client, path)[0] for _ in range(visit.views)]
    cpu = (harness.cpu_seconds(visit.pid) - began) / visit.views * 1000
    return Row(page, cold, times, cpu, trips, len(answer.content), int(answer.headers["Content-Length"]))


def _path(client: httpx.Client, page: str) -> str:
    if PAGES[page] == "job":
        found = re.search(r'id="job-([0-9a-f]+)"', client.get("/jobs?status=failed").text)
        return f"/jobs/{found[1]}" if found else "/jobs"
    if PAGES[page] != "far":
        return PAGES[page]
    path = "/jobs"
    for _ in range(20):
        found = re.search(r'href="([^"]+)" rel="next"', client.get(path).text)
        path = found[1].replace("&amp;", "&") if found else path
    return path


def _timed(client: httpx.Client, path: str) -> tuple[float, httpx.Response]:
    began = time.perf_counter()
    answer = client.get(path)
    return (time.perf_counter() - began) * 1000, answer


def _reads(bench: harness.Bench) -> int:
    return int(bench.redis.info("stats")["total_reads_processed"])


def _memory(client: httpx.Client, pid: int) -> str:
    paths = [_path(client, page) for page in PAGES]
    said: list[str] = []
    for views in (100, 900):
        for at in range(views):
            client.get(paths[at % len(paths)])
        said.append(f"{harness.memory_kb(pid) / 1024:.1f} MB after {'1,000' if said else '100'} page views")
    return ", ".join(said)


def _show(rows: list[Row]) -> None:
    table = [_HEAD, ("-" * 4, *("---:" for _ in _HEAD[1:])), *(row.cells() for row in rows)]
    for cells in table:
        print("| " + " | ".join(cells) + " |")


@contextmanager
def _web(environment: dict[str, str]) -> Iterator[tuple[int, str]]:
    port = harness.free_port()
    variables = environment | _SECRETS | {"PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": "1"}
    command = [sys.executable, "-m", "gunicorn", "web.wsgi:app"]
    process = subprocess.Popen(command, cwd=harness.ROOT, env=os.environ | variables, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        while not _answers(url):
            time.sleep(0.05)
        yield process.pid, url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez").is_success
    except httpx.TransportError:
        return False


@contextmanager
def _logged_in(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as client:
        found = _TOKEN.search(client.get("/login").text)
        assert found
        client.post("/login", data={"csrf_token": found[1], "password": _PASSWORD})
        yield client


if __name__ == "__main__":
    main()
