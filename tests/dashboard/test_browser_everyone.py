"""Every page in a real browser: for everyone, and at every width."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page
from redis import Redis

from jobs import enqueue, queues, schedules, webhooks, with_options
from jobs.webhooks import Event

from .browsing import NARROW, WIDE, Watch
from .hand import greet, slow, take

pytestmark = [pytest.mark.browser, pytest.mark.server]

CUT = """[...document.querySelectorAll(".card > .scroll")].filter(each => each.scrollWidth > each.clientWidth)
    .map(each => each.innerText.split("\\n")[0])"""
AXE = Path(__file__).parent / "vendor" / "axe.min.js"


@pytest.mark.parametrize(
    "watch",
    [
        {"color_scheme": "light", "viewport": WIDE},
        {"color_scheme": "dark", "viewport": WIDE},
        {"color_scheme": "light", "viewport": NARROW},
        {"color_scheme": "dark", "viewport": NARROW},
    ],
    indirect=True,
    ids=["light wide", "dark wide", "light narrow", "dark narrow"],
)
def test_every_page_is_for_everyone_and_fits(watch: Watch, redis: Redis) -> None:
    watch.page.add_init_script(path=AXE)
    for path in alive(redis):
        watch.open(path)
        assert faults(watch.page) == [], path
        width = watch.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, f"{path} is {width} px too wide"
        assert watch.page.evaluate(CUT) == [], path


def alive(redis: Redis) -> list[str]:
    """Jobs in every state, and the pages that show them."""
    failing = enqueue(greet, "Ada", api_key="hidden")
    hand = take(redis)
    hand.context.log("one line", rows=3)
    hand.context.artifact("result.txt", b"text", "text/plain")
    hand.fail("a long message without any place to break it: " + "x" * 300)
    enqueue(slow, 8)
    running = take(redis)
    running.context.progress(3, 8, "step 3")
    enqueue(greet, "Grace")
    with_options(greet, queue="letters-outbound").enqueue("Edsger")
    jobs = ["/jobs", "/jobs?status=failed", f"/jobs/{failing.id}", f"/jobs/{running.context.id}", "/jobs/missing"]
    queues.pause("low", note="a reason", by="somebody")
    schedules.create({"id": "greet.hourly", "task": "hand.greet", "args": {"name": "x"}, "every": 3600}, actor="t")
    schedules.run_now("greet.hourly", actor="somebody")
    told, _ = webhooks.create("https://93.184.215.14/hook", [Event.DEAD], by="somebody")
    others = [
        "/failures",
        "/queues",
        "/schedules",
        "/schedules/greet.hourly",
        "/workers",
        "/tasks",
        "/webhooks",
        f"/webhooks/{told.id}",
        "/audit",
        "/settings",
    ]
    return ["/", *jobs, *others, "/jobs/new?task=webhooks.deliver"]


def faults(page: Page) -> list[str]:
    """What axe calls serious or critical."""
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    serious = [item for item in found["violations"] if item["impact"] in {"serious", "critical"}]
    return [json.dumps({item["id"]: [node["html"][:160] for node in item["nodes"]]}) for item in serious]
