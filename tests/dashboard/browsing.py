"""A web process as gunicorn serves it, and a logged-in page of a real browser on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Browser, ConsoleMessage, Page, Response, ViewportSize, expect

ROOT = Path(__file__).parents[2]
WIDE, NARROW = ViewportSize(width=1280, height=860), ViewportSize(width=360, height=780)
EXPECTED = ("net::ERR", "htmx:error", "404 (NOT FOUND)")  # a stopped server, and a page that is not there


@dataclass
class Web:
    """The web process, which a test may stop and start again at the same address."""

    variables: dict[str, str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "gunicorn", "web.wsgi:app"]
        fixed = {"NIGHTSHIFT_ENV": "test", "HOST": "127.0.0.1", "WEB_CONCURRENCY": "1", "LOG_LEVEL": "ERROR"}
        variables = {**os.environ, **fixed, **self.variables, "PORT": str(self.port)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=variables, stderr=subprocess.DEVNULL)
        while not self._answers():
            assert self.process.poll() is None, f"gunicorn ended with {self.process.returncode}"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def _answers(self) -> bool:
        try:
            urlopen(f"{self.url}/livez", timeout=5).close()
        except OSError:
            return False
        return True


@dataclass
class Watch:
    """A logged-in page, and everything the browser complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def listen(self, said: ConsoleMessage) -> None:
        """Keep what the browser reports as an error, refusals of its policy among them."""
        if said.type == "error" and not any(known in said.text for known in EXPECTED):
            self.complaints.append(said.text)

    def open(self, path: str) -> None:
        """Go to a page of ours."""
        self.page.goto(self.url + path)


@contextmanager
def watching(browser: Browser, url: str, password: str, options: dict[str, Any]) -> Iterator[Watch]:
    """Log in; at the end the browser must not have complained about policy or scripts."""
    context = browser.new_context(**{"viewport": WIDE, **options})
    seen = Watch(context.new_page(), url)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on("console", seen.listen)
    seen.open("/login")
    seen.page.get_by_label("Password").fill(password)
    seen.page.get_by_role("button", name="Log in").click()
    expect(seen.page.get_by_role("heading", name="Overview")).to_be_visible()
    yield seen
    context.close()
    assert seen.complaints == []


def is_poll(response: Response) -> bool:
    """Whether this answers a poll."""
    return "hx-request" in response.request.headers
