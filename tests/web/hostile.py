"""Puts hostile texts into everything that is stored and shown."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jobs import current_job, task
from jobs.retries import Retry


@task(name="hostile.carry", retry=Retry(max=0))
def carry(text: str, more: dict[str, str], end: str = "finish") -> dict[str, str]:
    """Put a text wherever a task can put one."""
    job = current_job()
    job.log(text, field=text)
    job.progress(1, 2, text)
    job.artifact(text or "x", text.encode(), text)
    if end == "fail":
        raise type(text[:60] or "Error", (ValueError,), {})(text)
    return {text: text}


def spread(api: FlaskClient, texts: Iterable[str], run_jobs: Callable[[], int]) -> list[TestResponse]:
    """Store each text in every field that takes it; gives the answers, which quote them."""
    answers = [answer for text in texts for answer in (*_jobs(api, text), *_others(api, text))]
    run_jobs()
    return answers


def _jobs(api: FlaskClient, text: str) -> Iterable[TestResponse]:
    args, tags = {"text": text, "more": {text: text}}, [text[:64]] if text.isprintable() else []
    for end in ("finish", "fail"):
        yield api.post("/api/v1/jobs", json={"task": "hostile.carry", "args": args | {"end": end}, "tags": tags})
    yield api.post("/api/v1/jobs", json={"task": "hostile.carry", "args": {}, "queue": text, "tags": [text]})
    yield api.post("/api/v1/jobs", json={"task": text, "args": {text: text}, text: text})
    yield api.get("/api/v1/jobs", query_string={"tag": text, "task": text, "queue": text, "cursor": text})
    yield api.post("/api/v1/files", data={"file": (io.BytesIO(text.encode()), text, _header(text))})


def _header(text: str) -> str:
    """As much of it as a client can send in a header."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)


def _others(api: FlaskClient, text: str) -> Iterable[TestResponse]:
    yield api.post("/api/v1/queues/default/pause", json={"note": text[:200]})
    yield api.post("/api/v1/queues/x/pause", json={"note": text})
    yield api.post("/api/v1/tokens", json={"name": text[:100], "scopes": ["read"], "tasks": [text]})
    yield api.post("/api/v1/tokens", json={"name": text[:100], "scopes": ["read"]})
    rule = {"task": "hostile.carry", "args": {"text": text, "more": {}}, "cron": "0 9 * * *"}
    name = f"hostile{abs(hash(text))}"
    yield api.post("/api/v1/schedules", json=rule | {"id": name, "description": text[:500]})
    yield api.post("/api/v1/schedules", json=rule | {"id": text, "cron": text, "timezone": text})
    yield api.post(f"/api/v1/schedules/{name}/pause", json={"note": text[:200]})
    hook = {"url": "https://hooks.example.com/", "events": ["job.failed"]}
    yield api.post("/api/v1/webhooks", json=hook | {"description": text[:200]})
    yield api.post("/api/v1/webhooks", json={"url": text, "events": [text], "tasks": [text]})
