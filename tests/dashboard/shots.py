"""The pictures of the README and of docs/: bin/dev --demo in a fresh copy of this checkout, seen by a real browser.

The demo has only just begun, so the counters of the week before it are made up; all else is what ran.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import pi, sin
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from redis import Redis

from jobs import keys, stats

from .chromium import FLAGS, PATH
from .past import Past

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LIMIT = 300_000
_READY_WITHIN = 120.0
SCREENS = DOCS / "screens"
PAGES = {
    "overview": "/",
    "overview-week": "/?range=7d",
    "jobs": "/jobs",
    "new-job": "/jobs/new?task=mail.send",
    "failures": "/failures",
    "queues": "/queues",
    "schedules": "/schedules",
    "schedule": "/schedules/demo.minutely",
    "new-schedule": "/schedules/+new",
    "workers": "/workers",
    "tasks": "/tasks",
    "webhooks": "/webhooks",
    "audit": "/audit",
    "settings": "/settings",
    "not-found": "/nowhere",
}
DAILY = (
    ("mail.send", "high", 38.0, 0.22, 0.012),
    ("images.thumbnail", "default", 21.0, 0.8, 0.05),
    ("webhooks.deliver", "default", 12.0, 0.12, 0.04),
    ("reports.summary", "low", 2.5, 5.0, 0.4),
)


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory(prefix="nightshift-shots-") as name, _running(_copy(Path(name))) as facts:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=PATH, args=FLAGS)
            live_through(Redis.from_url(facts["redis_url"]), datetime.now(UTC))
            for theme in THEMES:
                _take(browser, facts, theme, DOCS)  # both before the tours: the long job ends within a minute
            for theme in THEMES:
                for size in ((1280, 860), (360, 780)):
                    _tour(browser, facts, theme, size)
            browser.close()


def _take(browser: Browser, facts: dict[str, str], theme: Theme, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 880}, color_scheme=theme, device_scale_factor=1.5)
    _log_in(page, facts)
    expect(_row(page, "imports.pages").locator("progress")).to_be_visible(timeout=60_000)  # a picture of work
    suffix = "" if theme == "light" else "-dark"
    _save(page, folder / f"dashboard{suffix}.png")
    expect(_row(page, "reports.summary")).to_contain_text("finished", timeout=60_000)
    _row(page, "reports.summary").locator("a.name").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    _save(page, folder / f"job{suffix}.png")
    page.close()


def _log_in(page: Page, facts: dict[str, str]) -> None:
    page.goto(f"{facts['url']}/login")
    page.get_by_label("Password").fill(facts["admin_password"])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def _tour(browser: Browser, facts: dict[str, str], theme: Theme, size: tuple[int, int]) -> None:
    """Every page in one theme and width, as one picture of at most two screens."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
    page.goto(f"{facts['url']}/login")
    _keep(page, f"login-{theme}-{size[0]}", size)
    _log_in(page, facts)
    for name, path in {**PAGES, **_single_pages(page, facts["url"])}.items():
        page.goto(facts["url"] + path)
        if name == "failures" and page.locator("summary").count():
            page.locator("summary").first.click()
        _keep(page, f"{name}-{theme}-{size[0]}", size)
    page.close()


def _single_pages(page: Page, url: str) -> dict[str, str]:
    """The pages of one job of each kind."""
    found: dict[str, str] = {}
    for status in ("finished", "failed"):
        page.goto(f"{url}/jobs?status={status}")
        link = page.locator("td a.name").first
        found |= {f"job-{status}": str(link.get_attribute("href"))} if link.count() else {}
    return found


def _keep(page: Page, name: str, size: tuple[int, int]) -> None:
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(150)  # the charts are drawn in the next frames
    taken = Image.open(io.BytesIO(page.screenshot(animations="disabled", full_page=True)))
    shown = taken.crop((0, 0, taken.width, min(taken.height, 2 * size[1])))
    SCREENS.mkdir(exist_ok=True)
    shown.convert("RGB").save(SCREENS / f"{name}.webp", quality=72, method=6)


def live_through(redis: Redis, now: datetime) -> None:
    """Count a week of work of the demo's tasks: busy days, calm nights, a bad quarter of an hour before a deploy."""
    chance = random.Random(7)
    steps = [*range(1, 90), *range(90, 26 * 60, 5), *range(26 * 60, 7 * 24 * 60, 60)]
    for before, after in pairwise([0, *steps]):
        at, length = now - timedelta(minutes=after), after - before
        busy = 0.65 + 0.35 * sin((at.hour * 60 + at.minute) / 1440 * 2 * pi - 1.9)
        slow = 5 if 31 < after < 44 else 1
        for task, queue, rate, run, wait in DAILY:
            past = Past(redis, task, queue)
            for _ in range(3):
                taken = run * chance.lognormvariate(0, 0.55) * slow
                times = round(rate * busy * length * chance.uniform(0.6, 1.3) / 3)
                past.add(at, run=taken, wait=wait * chance.lognormvariate(0, 0.8) * slow, times=times)
        if slow > 1 or chance.random() < 0.05:
            Past(redis, "webhooks.deliver", "default").add(at, "retrying", times=chance.randint(1, 6))
        if (slow > 1 and after % 4 == 0) or chance.random() < 0.02:
            Past(redis, "webhooks.deliver", "default").add(at, "failed", times=chance.randint(1, 2))
    redis.delete(keys.STATS_ROLLED)  # the demo has summed up the minutes of this past as empty ones
    stats.roll_up(redis)
    for release, ago in (("2026.11.1", timedelta(days=3)), ("2026.11.2", timedelta(minutes=29))):
        stats.mark_deploy(redis, release, now - ago)


def _row(page: Page, task: str) -> Locator:
    return page.locator("tr", has_text=task).first


def _save(page: Page, path: Path) -> None:
    page.evaluate("document.fonts.ready")
    Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB").save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}  {size:,} bytes")
    if size > LIMIT:
        sys.exit(f"{path.name} is above {LIMIT:,} bytes")


def _copy(folder: Path) -> Path:
    """The files of this checkout as they are now, with its environment, without its data."""
    listed = subprocess.run(
        ["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, target)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@contextmanager
def _running(folder: Path) -> Iterator[dict[str, str]]:
    """A demo that has become ready; gives the facts of its run."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(folder / "bin" / "dev"), "--demo", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        yield _facts(folder / ".data" / "dev.json", process)
    finally:
        process.terminate()
        process.wait(60)


def _facts(path: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    deadline = time.monotonic() + _READY_WITHIN
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit("bin/dev --demo did not become ready")
        time.sleep(0.1)
    facts: dict[str, str] = json.loads(path.read_text())
    return facts


if __name__ == "__main__":
    main()
