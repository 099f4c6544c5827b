"""Hostile texts in every stored field come back as texts: escaped on pages, as JSON with nosniff from the API."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jobs import monitor
from tests.payloads import LIVE, LOG_FORGING, XSS
from tests.web import hostile

pytestmark = pytest.mark.usefixtures("redis")

PAGES = ("/", "/jobs", "/failures", "/queues", "/schedules", "/workers", "/tasks", "/audit", "/settings", "/webhooks")
READS = ("jobs", "failures", "queues", "schedules", "workers", "tasks", "audit", "tokens", "webhooks", "stats")
FOREIGN = {"iframe", "object", "embed", "base", "math", "template", "video", "audio", "image", "style", "foreignobject"}
JSON = {"application/json", "application/problem+json"}


@pytest.fixture
def person(app: Flask) -> FlaskClient:
    """Somebody who is logged in to the pages."""
    client, password = app.test_client(), "an admin password of tests"
    token = re.findall(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)[0]
    assert client.post("/login", data={"csrf_token": token, "password": password}).status_code == 303
    return client


class Reader(HTMLParser):
    """Fails on an element or attribute that no page of ours has."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: (value or "").strip().lower() for name, value in attrs}
        assert tag not in FOREIGN, (self.path, tag)
        assert tag != "script" or given["src"].startswith("/static/"), (self.path, given)
        assert not any(name.startswith(("on", "hx-on", "style", "formaction", "srcdoc")) for name in given), given
        addresses = [value for name, value in given.items() if name in {"href", "src", "action", "hx-get", "hx-post"}]
        assert all(value.startswith(("/", "#", "?")) for value in addresses), (self.path, addresses)


def assert_is_text(page: TestResponse) -> None:
    assert page.status_code in {200, 404}, page.request.path
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    found = [payload for payload in LIVE if payload in page.text]
    assert not found, (page.request.path, found)
    Reader(page.request.path).feed(page.text)


def assert_is_json(answer: TestResponse) -> None:
    assert answer.status_code < 500, answer.text
    assert answer.mimetype in JSON or answer.status_code == 204
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"


def test_hostile_texts_stay_texts_everywhere(
    api: FlaskClient, person: FlaskClient, run_jobs: Callable[[], int]
) -> None:
    for answer in hostile.spread(api, (*XSS, *LOG_FORGING), run_jobs):
        assert_is_json(answer)
    for path in PAGES:
        assert_is_text(person.get(path))
    for path in READS:
        assert_is_json(api.get(f"/api/v1/{path}"))
    jobs = (*monitor.list_jobs(status="failed", limit=200).jobs, *monitor.list_jobs(status="finished", limit=10).jobs)
    assert len(jobs) >= len(XSS)
    shown = html.unescape("".join(_whole_page(person, job.id) for job in jobs))
    assert [payload for payload in XSS if payload.strip() not in shown] == []


def _whole_page(person: FlaskClient, job_id: str) -> str:
    page = person.get(f"/jobs/{job_id}")
    assert_is_text(page)
    return page.text


@pytest.mark.parametrize("payload", ["<svg onload=alert(1)>", "<script>alert(1)</script>"])
@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "text/xml", "application/xhtml+xml", "text/javascript"])
def test_a_file_is_a_download_and_nothing_else(api: FlaskClient, person: FlaskClient, payload: str, kind: str) -> None:
    stored = api.post("/api/v1/files?name=x.svg", data=payload, content_type=kind).get_json()
    for answer in (api.get(stored["content"]), person.get(f"/files/{stored['id']}")):
        assert answer.text == payload
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert person.get(f"/files/{stored['id']}").mimetype == "application/octet-stream"
