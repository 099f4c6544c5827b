"""The pictures of the README and of docs/: bin/dev --demo in a fresh copy of this checkout, seen by a real browser."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from .chromium import FLAGS, PATH

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LIMIT = 300_000
_READY_WITHIN = 120.0


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory(prefix="nightshift-shots-") as name, _running(_copy(Path(name))) as facts:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=PATH, args=FLAGS)
            for theme in ("light", "dark"):
                _take(browser, facts, theme, DOCS)
            browser.close()


def _take(browser: Browser, facts: dict[str, str], theme: Literal["light", "dark"], folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 880}, color_scheme=theme, device_scale_factor=1.5)
    page.goto(f"{facts['url']}/login")
    page.get_by_label("Password").fill(facts["admin_password"])
    page.get_by_role("button", name="Log in").click()
    expect(_row(page, "imports.pages").locator("progress")).to_be_visible(timeout=60_000)  # a picture of work
    suffix = "" if theme == "light" else "-dark"
    _save(page, folder / f"dashboard{suffix}.png")
    expect(_row(page, "reports.summary")).to_contain_text("finished", timeout=60_000)
    _row(page, "reports.summary").locator("a.name").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    _save(page, folder / f"job{suffix}.png")
    page.close()


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
