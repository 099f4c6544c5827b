"""What an operator does with the mouse: failures, queues, schedules, tokens and everything that matches."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from redis import Redis

from jobs import enqueue, monitor, queues, schedules

from .browsing import Watch, is_poll
from .hand import greet, run_next, take
from .past import Past

pytestmark = [pytest.mark.browser, pytest.mark.server]


def confirmed(page: Page, name: str, typed: str | None = None) -> Locator:
    """Answer the question on the screen with its button of this name; gives the question."""
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    if typed is not None:
        dialog.get_by_role("textbox").fill(typed)
    dialog.get_by_role("button", name=name).click()
    return dialog


def test_a_group_of_failures_is_tried_again(watch: Watch, redis: Redis) -> None:
    for name in ("Ada", "Grace", "Edsger"):
        enqueue(greet, name)
        take(redis).fail("no such host")
    watch.open("/failures")
    watch.page.locator("details.attempt > summary").click()
    watch.page.get_by_role("button", name="Retry all 3").click()
    expect(watch.page.get_by_text("3 jobs enqueued again.")).to_be_visible()
    expect(watch.page.get_by_text("Nothing has failed")).to_be_visible()
    assert monitor.stored("queued") == 3


def test_a_queue_is_paused_with_a_reason_and_all_of_them_from_the_first_page(watch: Watch) -> None:
    watch.open("/queues")
    row = watch.page.locator("#queue-low")
    row.get_by_role("button", name="Pause").click()
    confirmed(watch.page, "Pause", "the report database moves")
    expect(row).to_contain_text("by admin: the report database moves")
    row.get_by_role("button", name="Resume").click()
    expect(row).not_to_contain_text("paused")
    watch.open("/")
    watch.page.get_by_role("button", name="Pause all").click()
    confirmed(watch.page, "Pause all", "a fire drill")
    expect(watch.page.get_by_text("3 queues paused")).to_be_visible()
    assert {pause.note for pause in queues.paused().values()} == {"a fire drill"}
    watch.page.get_by_role("button", name="Resume all").click()
    confirmed(watch.page, "Resume all")
    expect(watch.page.get_by_role("button", name="Resume all")).to_be_hidden()
    assert not queues.paused()


def test_a_schedule_is_run_paused_and_backfilled(watch: Watch) -> None:
    schedules.create({"id": "check.hourly", "task": "maintenance.check", "every": 3600}, actor="t")
    watch.open("/schedules/check.hourly")
    watch.page.get_by_role("button", name="Run now").click()
    expect(watch.page.get_by_text("check.hourly was enqueued.")).to_be_visible()
    expect(watch.page.locator("tr .badge", has_text="waiting")).to_be_visible()
    now = datetime.now(UTC)
    watch.page.get_by_label("From").fill(f"{now - timedelta(hours=30):%Y-%m-%dT%H:00}")
    watch.page.get_by_label("To").fill(f"{now - timedelta(hours=20):%Y-%m-%dT%H:00}")
    watch.page.get_by_role("button", name="Backfill").click()
    confirmed(watch.page, "Backfill")
    expect(watch.page.get_by_text(re.compile(r"Backfilling \d+ ticks of check.hourly"))).to_be_visible()
    watch.page.get_by_role("button", name="Pause").click()
    confirmed(watch.page, "Pause", "holidays")
    expect(watch.page.get_by_text("Paused: holidays")).to_be_visible()
    assert schedules.get_schedule("check.hourly").paused


def test_a_token_is_made_shown_once_and_revoked(watch: Watch) -> None:
    watch.open("/settings")
    watch.page.get_by_label("Name").fill("ci")
    watch.page.get_by_role("checkbox", name="read see jobs").check()
    watch.page.get_by_role("button", name="Make the token").click()
    text = watch.page.locator("pre.code").first.text_content() or ""
    assert len(text) > 20
    watch.open("/settings")
    expect(watch.page.locator("tr", has_text="ci")).to_be_visible()
    assert text not in watch.page.content()
    watch.page.locator("tr", has_text="ci").get_by_role("button", name="Revoke").click()
    confirmed(watch.page, "Revoke", "ci")
    expect(watch.page.get_by_text("The token is revoked.")).to_be_visible()


def test_all_that_match_are_counted_canceled_and_followed_where_one_stands(watch: Watch, redis: Redis) -> None:
    for number in range(120):
        enqueue(greet, str(number))
    watch.open("/jobs?status=queued&task=hand.greet")
    boxes = watch.page.get_by_role("checkbox", name="Select hand.greet")
    boxes.nth(30).check()
    watch.page.get_by_label("all that match").check()
    watch.page.get_by_role("button", name="Cancel").click()
    dialog = watch.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel 120 jobs?")
    confirmed(watch.page, "Cancel", "12")
    expect(dialog).to_be_visible()
    place = boxes.nth(30).bounding_box()
    confirmed(watch.page, "Cancel", "120")
    banner = watch.page.locator(".follows")
    expect(banner).to_contain_text("waiting")
    assert boxes.nth(30).bounding_box() == place, "what one looks at must stay where it is"
    assert watch.page.url.endswith("/jobs?status=queued&task=hand.greet")
    run_next(redis, "high")
    expect(banner).to_contain_text("120 done.")
    expect(watch.page.get_by_text("No job fits")).to_be_visible()


def test_charts_are_drawn_move_on_in_place_and_follow_the_theme(watch: Watch, redis: Redis) -> None:
    past = Past(redis)
    past.add(datetime.now(UTC) - timedelta(minutes=9), times=5)
    watch.open("/")
    chart = watch.page.get_by_role("img", name=re.compile("^5 jobs finished in the last hour"))
    canvas = chart.locator("canvas").element_handle()
    past.add(datetime.now(UTC), times=7)
    poll_until(watch.page, watch.page.get_by_role("img", name=re.compile("^12 jobs finished")))
    assert canvas.evaluate("element => element.isConnected"), "a poll must not draw it anew"
    light = pixels(watch.page)
    watch.page.get_by_role("button", name="Dark").click()
    watch.page.wait_for_function("before => document.querySelector('canvas').toDataURL() !== before", arg=light)
    watch.page.locator("#plot-throughput .u-over").hover(position={"x": 60, "y": 40})
    expect(watch.page.locator("#plot-throughput .tip")).to_contain_text("finished")
    watch.page.locator("#table-throughput summary").click()
    expect(watch.page.locator("#table-throughput tbody tr")).to_have_count(2)
    watch.page.get_by_role("link", name="7 d").click()
    expect(watch.page.get_by_role("img", name=re.compile("^12 jobs finished in the last 7 days"))).to_be_visible()


def poll_until(page: Page, there: Locator) -> None:
    """Ask again and again, as numbers are read every two seconds."""
    deadline = time.monotonic() + 15
    while not there.count() and time.monotonic() < deadline:
        with page.expect_response(is_poll):
            page.keyboard.press("r")
    expect(there).to_be_visible()


def pixels(page: Page) -> str:
    """The first chart as it is drawn now."""
    return str(page.evaluate("document.querySelector('canvas').toDataURL()"))
