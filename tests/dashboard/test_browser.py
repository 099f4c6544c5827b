"""The pages in a real browser, served by gunicorn over a real Redis."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect
from redis import Redis

from jobs import dispatch, enqueue
from jobs.dispatch import JobRequest

from .browsing import Watch, Web, is_poll
from .hand import greet, slow, take

pytestmark = [pytest.mark.browser, pytest.mark.server]


def test_a_person_logs_in_and_out(watch: Watch) -> None:
    watch.page.get_by_role("button", name="Log out").click()
    expect(watch.page.get_by_label("Password")).to_be_focused()
    watch.page.go_back()
    watch.open("/jobs")
    expect(watch.page.get_by_label("Password")).to_be_visible()


def test_a_job_is_watched_from_waiting_to_finished(watch: Watch, redis: Redis) -> None:
    job = enqueue(slow, 8)
    watch.open(f"/jobs/{job.id}")
    state = watch.page.locator(".head .badge")
    expect(state).to_have_text("waiting")
    hand = take(redis)
    expect(state).to_have_text("running")
    hand.context.progress(2, 8, "step 2")
    expect(watch.page.get_by_text("25 %")).to_be_visible()
    hand.context.progress(8, 8, "step 8")
    expect(watch.page.get_by_text("100 %")).to_be_visible()
    hand.finish(b"42")
    expect(state).to_have_text("finished")
    expect(watch.page.get_by_role("heading", name="Result")).to_be_visible()


def test_focus_selection_and_open_attempts_survive_a_poll(watch: Watch, redis: Redis) -> None:
    job = enqueue(greet, "Ada")
    take(redis).fail("no such host", retry_in=0)
    watch.open(f"/jobs/{job.id}")
    attempt = watch.page.locator("details.attempt > summary").first
    attempt.click()
    watch.page.evaluate("document.getSelection().selectAllChildren(document.querySelector('h1'))")
    take(redis)
    expect(watch.page.locator(".head .badge")).to_have_text("running")
    expect(watch.page.locator("details.attempt").first).to_have_attribute("open", "")
    assert watch.page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert watch.page.evaluate("String(document.getSelection())") == "hand.greet"


def test_a_stopped_server_shows_a_banner_that_goes_away_by_itself(watch: Watch, web: Web) -> None:
    enqueue(greet, "Ada")
    watch.open("/jobs")
    web.stop()
    banner = watch.page.get_by_role("alert")
    expect(banner).to_contain_text("Nightshift does not answer", timeout=15_000)
    expect(watch.page.locator("#job-list tbody tr, table tbody tr").first).to_be_visible()
    web.start()
    expect(banner).to_be_hidden(timeout=15_000)


def test_an_action_that_fails_says_so_on_the_page(watch: Watch) -> None:
    watch.open("/queues")
    watch.page.evaluate("document.querySelector('#queue-default form').setAttribute('hx-post', '/queues/gone/pause')")
    watch.page.locator("#queue-default").get_by_role("button", name="Pause").click()
    watch.page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(watch.page.get_by_text("Not found. No queue is named 'gone'.")).to_be_visible()


def test_a_hidden_tab_is_silent_and_a_shown_one_catches_up(watch: Watch) -> None:
    polls: list[str] = []
    watch.page.on("request", lambda sent: polls.append(sent.url) if "hx-request" in sent.headers else None)
    enqueue(greet, "Ada")
    with watch.page.expect_response(is_poll):
        watch.open("/jobs")
    hide(watch.page, hidden=True)
    before = len(polls)
    watch.page.wait_for_timeout(2500)
    assert len(polls) == before
    with watch.page.expect_response(is_poll):
        hide(watch.page, hidden=False)


def hide(page: Page, *, hidden: bool) -> None:
    """Chromium without a screen never hides a tab, so the page is told that it was."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_polls_never_overlap(watch: Watch) -> None:
    enqueue(greet, "Ada")
    watch.open("/jobs")
    open_now, most = 0, 0

    def sent(request: Request) -> None:
        nonlocal open_now, most
        open_now += "hx-request" in request.headers
        most = max(most, open_now)

    def done(request: Request) -> None:
        nonlocal open_now
        open_now -= "hx-request" in request.headers

    watch.page.on("request", sent)
    watch.page.on("requestfinished", done)
    watch.page.on("requestfailed", done)
    with watch.page.expect_response(is_poll):
        for _ in range(20):
            watch.page.keyboard.press("r")
    assert most == 1


def test_the_theme_follows_the_switch_and_is_remembered(watch: Watch) -> None:
    watch.page.get_by_role("button", name="Dark").click()
    dark = background(watch.page)
    watch.page.reload()
    assert background(watch.page) == dark
    watch.page.get_by_role("button", name="Light").click()
    assert background(watch.page) != dark


def background(page: Page) -> str:
    """The colour behind everything."""
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_times_are_distances_that_tell_the_instant_on_hover(watch: Watch) -> None:
    job = enqueue(greet, "Ada")
    watch.open("/jobs")
    moment = watch.page.locator(f"#job-{job.id} time").last
    expect(moment).to_have_text(re.compile(r"just now|\d+ s ago"))
    expect(moment).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n"))
    watch.page.keyboard.press("t")
    expect(moment).to_have_text(re.compile(r"20\d\d"))


def test_the_keyboard_reaches_every_page(watch: Watch) -> None:
    watch.open("/")  # returns when its scripts have run, and so does waiting for the next address
    watch.page.keyboard.press("g")
    watch.page.keyboard.press("j")
    watch.page.wait_for_url("**/jobs")
    expect(watch.page.get_by_role("heading", name="Jobs")).to_be_visible()
    watch.page.keyboard.press("?")
    expect(watch.page.get_by_role("dialog")).to_be_visible()
    watch.page.keyboard.press("Escape")
    expect(watch.page.get_by_role("dialog")).to_be_hidden()


def test_a_selection_is_canceled_after_its_count_was_typed_and_the_page_stays(watch: Watch) -> None:
    for name in ("Ada", "Grace", "Edsger"):
        enqueue(greet, name)
    watch.open("/jobs?status=queued&task=hand.greet")
    watch.page.evaluate("window.same_page = true")
    boxes = watch.page.get_by_role("checkbox", name="Select hand.greet")
    boxes.nth(0).check()
    boxes.nth(1).check()
    watch.page.get_by_role("button", name="Cancel").click()
    dialog = watch.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel 2 jobs?")
    dialog.get_by_label("Type 2 to confirm").fill("3")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Type 2 to confirm").fill("2")
    dialog.get_by_role("button", name="Cancel").click()
    expect(watch.page.get_by_text("2 jobs canceled.")).to_be_visible()
    expect(boxes).to_have_count(1)
    assert watch.page.evaluate("window.same_page") is True
    assert watch.page.url.endswith("/jobs?status=queued&task=hand.greet")


def test_a_dead_letter_is_tried_again_with_other_arguments(watch: Watch, redis: Redis) -> None:
    job = dispatch.submit(JobRequest(task="maintenance.check", args={"longest_wait": 60}))
    take(redis, "low").fail()
    watch.open(f"/jobs/{job.id}")
    watch.page.get_by_role("link", name="Enqueue another").click()
    watch.page.get_by_label("longest_wait").fill("90")
    expect(watch.page.locator("#curl")).to_contain_text('"longest_wait": 90')
    watch.page.get_by_role("button", name="Enqueue").click()
    expect(watch.page.get_by_text("Enqueued maintenance.check.")).to_be_visible()
    expect(watch.page.get_by_text('"longest_wait": 90')).to_be_visible()
