"""Hostile texts in every stored field, on every page of a real browser: shown as texts, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page
from redis import Redis

from jobs import keys, monitor, stats
from tests.payloads import XSS
from tests.web import hostile

from .browsing import Watch, is_poll
from .hand import run_all

pytestmark = [pytest.mark.browser, pytest.mark.server]

WATCHED = """
window.ran = [];
window.xss = (number) => window.ran.push(`payload ${number} ran`);
for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = () => window.ran.push(name);
addEventListener("securitypolicyviolation", (event) => window.ran.push(`refused: ${event.blockedURI}`));
"""
LIVING = ("/", "/jobs", "/failures", "/queues", "/schedules", "/workers", "/tasks", "/audit")
OTHERS = (
    "/jobs?status=failed",
    "/jobs?status=finished",
    "/?range=7d",
    "/settings",
    "/webhooks",
    "/schedules?after=hostile5",
)


@pytest.fixture
def api(app: Flask) -> FlaskClient:
    """Somebody who may do everything."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = "Bearer an api token that only tests use"
    return client


def test_hostile_texts_run_nothing_in_a_browser(watch: Watch, api: FlaskClient, redis: Redis) -> None:
    hostile.spread(api, XSS, lambda: run_all(redis))
    beside_the_api(redis)
    watch.page.add_init_script(WATCHED)
    for path in LIVING:
        watch.open(path)
        with watch.page.expect_response(is_poll):
            watch.page.keyboard.press("r")  # what a poll brings is put into the page by a script
        nothing_ran(watch.page)
    failed = monitor.list_jobs(status="failed", limit=200).jobs
    assert len(failed) == len(XSS)
    seen = ""
    for path in (*OTHERS, *(f"/jobs/{job.id}" for job in failed), *searches()):
        watch.page.goto(watch.url + path, wait_until="domcontentloaded")
        nothing_ran(watch.page)
        seen += watch.page.locator("body").text_content() or ""
    assert [payload for payload in XSS if payload not in seen] == []


def nothing_ran(page: Page) -> None:
    """No script, no dialog, no element that only a payload brings, and no report of the content security policy."""
    assert page.evaluate("window.ran") == [], page.url
    assert page.locator("iframe, object, embed, base, math, marquee, template, [onerror], [onload]").count() == 0


def beside_the_api(redis: Redis) -> None:
    """What only processes of ours write: workers, deploys, queues."""
    for number, payload in enumerate(XSS[::9]):
        name = f"rq:worker:{payload}"
        redis.sadd(keys.WORKERS, name)
        redis.hset(name, mapping={"hostname": payload, "state": payload, "queues": payload, "current_job": payload})
        stats.mark_deploy(redis, payload, datetime.now(UTC))
        redis.sadd(keys.QUEUES, keys.queue(f"queue {number} {payload}"))


def searches() -> list[str]:
    """Addresses that quote what they were asked for."""
    return [f"/jobs?{name}=%22%3E%3Cscript%3Exss(0)%3C/script%3E" for name in ("task", "queue", "tag", "text", "bulk")]
