"""One trace over web, worker, clock and another worker; what went wrong in each, in Sentry."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from redis import Redis

from jobs import monitor, workers
from jobs.settings import Settings
from tests.processes.collecting import Collected, SeenSpan, collecting
from tests.web import site
from tests.worker.conftest import Stable, WorkerProcess
from tests.worker.waiting import ended, eventually

pytestmark = [pytest.mark.server, pytest.mark.processes]

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KEY = "a key that nobody may see"
TASKS = "tests.processes.traced_tasks"
SERVER, PRODUCER, CONSUMER = 2, 4, 5


@pytest.fixture
def stable(settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[Stable]:
    stable = Stable(settings, tmp_path)
    yield stable
    stable.close()


@contextmanager
def web(settings: Settings, **variables: str) -> Iterator[httpx.Client]:
    url = settings.redis_url.get_secret_value()
    port = site.free_port()
    process = site.start_web(port, url, "tests.processes.traced_web:app", **variables)
    try:
        site.wait_until_live(f"http://127.0.0.1:{port}", process)
        headers = {"Authorization": f"Bearer {site.TOKEN}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            yield client
    finally:
        _end(process)


@contextmanager
def clock(settings: Settings, **variables: str) -> Iterator[None]:
    """The process that promotes the retry; it has no schedules to think of."""
    known = {"NIGHTSHIFT_ENV": "test", "REDIS_URL": settings.redis_url.get_secret_value(), "SKIP_RECURRING": "true"}
    process = subprocess.Popen([sys.executable, "clock.py"], cwd=site.ROOT, env=known | variables)
    try:
        yield
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def worker(stable: Stable, collected: Collected) -> WorkerProcess:
    return stable("--horses", "1", "--tasks", TASKS, **collected.variables)


def test_one_trace_from_the_request_to_the_retry_in_another_worker(
    stable: Stable, settings: Settings, tmp_path: Path
) -> None:
    with collecting() as collected, web(settings, **collected.variables) as client:
        first = worker(stable, collected)
        body = {"task": "traced.flaky", "args": {"folder": str(tmp_path), "key": KEY}}
        made = client.post("/api/v1/jobs", json=body, headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
        job = monitor.get_job(made.json()["id"])
        eventually(lambda: (tmp_path / "started").exists())
        workers.drain(first.name, by="a test")
        eventually(lambda: [seen.state for seen in monitor.workers()] == ["draining"])
        (tmp_path / "go").touch()
        assert first.process.wait(15) == 0
        with clock(settings, **collected.variables):
            eventually(lambda: monitor.get_job(job.id).status == "queued")
        second = worker(stable, collected)
        assert ended(job).status == "finished"
        assert client.get("/broken").status_code == 500
        eventually(lambda: {"process traced.small", "GET /broken"} <= {span.name for span in collected.spans})
        eventually(lambda: len(collected.errors) == 2)

    request = _span(collected, "POST /api/v1/jobs")
    created = _span(collected, "create traced.flaky")
    tries = sorted(_spans(collected, "process traced.flaky"), key=lambda span: span.attributes["nightshift.attempt"])
    child, ran = _span(collected, "create traced.small"), _span(collected, "process traced.small")
    family = [request, created, *tries, child, ran]
    assert {span.trace for span in family} == {TRACE}
    assert [span.parent for span in family] == [CALLER, request.id, created.id, created.id, tries[1].id, child.id]
    assert [span.kind for span in family] == [SERVER, PRODUCER, CONSUMER, CONSUMER, PRODUCER, CONSUMER]
    web_, work = "nightshift-web", "nightshift-worker"
    assert [span.service for span in family] == [web_, web_, work, work, work, work]
    assert (request.attributes["http.route"], request.attributes["http.response.status_code"]) == ("/api/v1/jobs", 202)
    assert created.attributes["messaging.message.id"] == job.id
    assert [span.attributes["nightshift.attempt"] for span in tries] == [1, 2]
    assert [span.attributes["nightshift.outcome"] for span in tries] == ["retrying", "finished"]
    assert [span.failed for span in tries] == [True, False]
    assert tries[0].attributes["messaging.destination.name"] == "default"
    assert tries[0].events[0]["exception.message"] == "the key [hidden] does not fit"

    attempt, page = sorted(collected.errors, key=lambda event: str(event["tags"]["process"]), reverse=True)
    known = {"task": "traced.flaky", "job_id": job.id, "attempt": "1", "trace_id": TRACE, "queue": "default"}
    assert attempt["tags"] == known | {"process": "worker"}
    assert (attempt["level"], attempt["exception"]["values"][0]["type"]) == ("warning", "ValueError")
    assert (page["tags"]["process"], page["tags"]["route"]) == ("web", "/broken")
    told = b"".join(collected.raw)
    assert [secret for secret in (KEY, site.TOKEN, "a secret key of the web tests") if secret.encode() in told] == []

    lines = [line for process in (first, second) for line in process.lines() if line["event"].startswith("Job ")]
    assert {line["trace_id"] for line in lines} == {TRACE}
    assert [line["attempt"] for line in lines if line["job_id"] == job.id] == [1, 2]


def _spans(collected: Collected, name: str) -> list[SeenSpan]:
    return [span for span in collected.spans if span.name == name]


def _span(collected: Collected, name: str) -> SeenSpan:
    (found,) = _spans(collected, name)
    return found
