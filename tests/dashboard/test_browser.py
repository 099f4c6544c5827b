"""The pages in a real browser, served by gunicorn over a real Redis."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, ViewportSize, expect, sync_playwright
from redis import Redis

from jobs import dispatch, enqueue, queues, schedules, with_options
from jobs.dispatch import JobRequest
from jobs.settings import Settings

from . import chromium
from .conftest import PASSWORD
from .hand import greet, slow, take

pytestmark = [pytest.mark.browser, pytest.mark.server]

ROOT = Path(__file__).parents[2]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
WIDE, NARROW = ViewportSize(width=1280, height=860), ViewportSize(width=360, height=780)
EXPECTED = ("net::ERR", "htmx:error", "404 (NOT FOUND)")  # a stopped server, and a page that is not there
PAYLOAD = "\"'><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>{{7*7}}"


@dataclass
class Web:
    """The web process, which a test may stop and start again at the same address."""

    settings: Settings
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "gunicorn", "web.wsgi:app"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self._environment(), stderr=subprocess.DEVNULL)
        while self.process.poll() is None:
            try:
                urlopen(f"{self.url}/livez", timeout=5).close()
                return
            except OSError:
                pass
        raise AssertionError(f"gunicorn ended with {self.process.returncode}")

    def stop(self) -> None:
        """Stop it."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def _environment(self) -> dict[str, str]:
        secrets = ("redis_url", "secret_key", "admin_password", "api_token")
        own = {name.upper(): getattr(self.settings, name).get_secret_value() for name in secrets}
        fixed = {"NIGHTSHIFT_ENV": "test", "HOST": "127.0.0.1", "WEB_CONCURRENCY": "1", "LOG_LEVEL": "ERROR"}
        return {**os.environ, **own, **fixed, "PORT": str(self.port)}


@dataclass
class Watch:
    """A logged-in page, and everything the browser complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def listen(self, said: ConsoleMessage) -> None:
        """Keep what the browser reports as an error, refusals of its policy among them."""
        if said.type == "error":
            self.complaints.append(said.text)

    def open(self, path: str) -> None:
        """Go to a page of ours."""
        self.page.goto(self.url + path)


@pytest.fixture
def web(redis: Redis, settings: Settings) -> Iterator[Web]:
    """A running web process."""
    redis.ping()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = Web(settings, port)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    if not Path(chromium.PATH).exists():
        pytest.skip(f"there is no browser at {chromium.PATH}; Debian and Ubuntu have it as the package chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium.PATH, args=chromium.FLAGS)
        yield started
        started.close()


@pytest.fixture
def watch(browser: Browser, web: Web, request: pytest.FixtureRequest) -> Iterator[Watch]:
    """A logged-in browser; at the end of each test it must not have complained about policy or scripts."""
    options = getattr(request, "param", {})
    context = browser.new_context(**{"viewport": WIDE, **options})
    seen = Watch(context.new_page(), web.url)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on("console", seen.listen)
    seen.open("/login")
    seen.page.get_by_label("Password").fill(PASSWORD)
    seen.page.get_by_role("button", name="Log in").click()
    expect(seen.page.get_by_role("heading", name="Overview")).to_be_visible()
    yield seen
    context.close()
    assert [text for text in seen.complaints if not any(known in text for known in EXPECTED)] == []


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
    attempt = watch.page.locator("details.attempt summary").first
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


def is_poll(response: Response) -> bool:
    """Whether this answers a poll."""
    return "hx-request" in response.request.headers


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
    watch.page.keyboard.press("g")
    watch.page.keyboard.press("j")
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


def test_what_users_send_runs_nothing(watch: Watch, redis: Redis) -> None:
    job = with_options(greet, tags=["<b>"]).enqueue(PAYLOAD)
    hand = take(redis)
    hand.context.log(PAYLOAD, field=PAYLOAD)
    hand.context.progress(1, 2, PAYLOAD)
    for path in ("/", "/jobs"):
        watch.open(path)
        expect(watch.page.get_by_text("{{7*7}}").first).to_be_attached(timeout=15_000)
    watch.open(f"/jobs/{job.id}")
    with watch.page.expect_response(is_poll):
        hand.fail(PAYLOAD)
    expect(watch.page.get_by_text(PAYLOAD).first).to_be_visible()
    assert watch.page.evaluate("window.hacked") is None


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
    jobs = ["/jobs", "/jobs?status=failed", f"/jobs/{failing.id}", f"/jobs/{running.context.id}", "/jobs/missing"]
    queues.pause("low", note="a reason", by="somebody")
    schedules.create({"id": "greet.hourly", "task": "hand.greet", "args": {"name": "x"}, "every": 3600}, actor="t")
    schedules.run_now("greet.hourly", actor="somebody")
    others = [
        "/failures",
        "/queues",
        "/schedules",
        "/schedules/greet.hourly",
        "/workers",
        "/tasks",
        "/audit",
        "/settings",
    ]
    return ["/", *jobs, *others, "/jobs/new?task=webhooks.deliver"]


def faults(page: Page) -> list[str]:
    """What axe calls serious or critical."""
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    serious = [item for item in found["violations"] if item["impact"] in {"serious", "critical"}]
    return [json.dumps({item["id"]: [node["html"][:160] for node in item["nodes"]]}) for item in serious]
