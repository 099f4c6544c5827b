"""Changes as they happen, and a process that stops lets go of what it holds back."""

import json
import time
from collections.abc import Callable, Iterator
from threading import Thread

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.site import TOKEN, Site

RunJobs = Callable[[], int]


def read(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, object]]]:
    kind = ""
    for line in lines:
        name, _, value = line.partition(": ")
        kind = value if name == "event" else kind
        if name == "data":
            yield kind, json.loads(value)


@pytest.mark.usefixtures("redis")
def test_a_job_is_followed_to_its_end(api: FlaskClient, run_jobs: RunJobs) -> None:
    made = api.post("/api/v1/jobs", json={"task": "web_tests.report", "args": {"rows": 3}}).get_json()
    with api.get(f"/api/v1/events?job={made['id']}") as answer:
        assert answer.mimetype == "text/event-stream"
        parts = answer.iter_encoded()
        seen = [next(parts), next(parts)]
        run_jobs()
        seen += list(parts)
    lines = b"".join(seen).decode().splitlines()
    statuses = [job["status"] for kind, job in read(iter(lines)) if kind == "job"]
    assert statuses == ["queued", "finished"]


@pytest.mark.usefixtures("redis")
def test_a_client_that_comes_back_is_not_told_again(api: FlaskClient, run_jobs: RunJobs) -> None:
    made = api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}).get_json()
    run_jobs()
    first = api.get(f"/api/v1/events?job={made['id']}").text
    known = first.partition("id: ")[2].partition("\n")[0]
    again = api.get(f"/api/v1/events?job={made['id']}", headers={"Last-Event-ID": known}).text
    assert first.count("event: job") == 1
    assert again.count("event: job") == 0


@pytest.mark.usefixtures("redis")
def test_streams_leave_threads_for_others(app: Flask, api: FlaskClient) -> None:
    places = app.extensions["nightshift.streams"]
    while places.acquire(blocking=False):
        pass
    answer = api.get("/api/v1/events")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.usefixtures("redis")
def test_what_cannot_be_followed_is_a_problem(api: FlaskClient) -> None:
    assert api.get("/api/v1/events?job=unknown").status_code == 404


@pytest.mark.processes
def test_a_process_that_stops_ends_streams_and_long_polls_at_once(site: Site) -> None:
    ended: list[float] = []
    headers = {"Authorization": f"Bearer {TOKEN}"}
    file = httpx.post(f"{site.url}/api/v1/files", headers=headers, content=b"x").json()["id"]
    job = {"task": "images.thumbnail", "args": {"photo": file}, "delay": 600}

    def stream() -> None:
        with httpx.stream("GET", f"{site.url}/api/v1/events", headers=headers, timeout=60) as answer:
            started.extend(line for line in answer.iter_lines() if line.startswith("event: "))
        ended.append(time.monotonic())

    def poll() -> None:
        answer = httpx.post(f"{site.url}/api/v1/jobs", headers={**headers, "Prefer": "wait=20"}, json=job, timeout=60)
        assert answer.status_code == 202
        ended.append(time.monotonic())

    started: list[str] = []
    threads = [Thread(target=stream), Thread(target=poll)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while not started or httpx.get(f"{site.url}/api/v1/jobs", headers=headers).json()["jobs"] == []:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    began = time.monotonic()
    site.web.terminate()
    for thread in threads:
        thread.join(30)
    assert len(ended) == 2
    assert max(ended) - began < 5
