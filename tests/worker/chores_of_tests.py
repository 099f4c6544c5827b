"""Tasks that tests of the worker run: `python -m worker --tasks tests.worker.chores_of_tests`."""

import asyncio
import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jobs import Discard, Retry, RetryLater, Snooze, current_job, task


@task(name="t.add")
def add(a: int, b: int) -> int:
    return a + b


@task(name="t.add_async")
async def add_async(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


@task(name="t.mark", retry=3)
def mark(path: str, text: str = "x", seconds: float = 0.0) -> dict[str, Any]:
    """Write a line at the start and one at the end."""
    with Path(path).open("a") as lines:
        lines.write(f"start {text}\n")
        lines.flush()
        time.sleep(seconds)
        lines.write(f"end {text}\n")
    return {"attempt": current_job().attempt, "pid": os.getpid()}


@task(name="t.fail", retry=Retry(max=2, base=0.01, cap=0.02))
def fail(times: int = 99) -> int:
    if current_job().attempt <= times:
        raise ValueError(f"attempt {current_job().attempt} fails")
    return current_job().attempt


@task(name="t.snooze")
def snooze(seconds: float = 0.05) -> int:
    if current_job().state is None:
        current_job().checkpoint({"snoozed": True})
        raise Snooze(seconds)
    return current_job().attempt


@task(name="t.discard")
def discard() -> None:
    raise Discard("not worth it")


@task(name="t.later")
def later(seconds: float) -> None:
    raise RetryLater(seconds, "busy")


@task(name="t.sleep", timeout=1, retry=0)
def sleep(seconds: float, path: str = "") -> str:
    """Swallows every Exception, as too many tasks do."""
    if path:
        Path(path).write_text("started")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(0.05)
        except Exception:  # noqa: S110, PERF203, BLE001
            pass
    return "slept"


@task(name="t.stubborn", timeout=1, retry=0)
def stubborn(path: str) -> None:
    """Cannot be interrupted, and has started a child."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(path).write_text(str(child.pid))
    ctypes.PyDLL(None).sleep(60)  # holds the interpreter lock, and is not left by a signal


@task(name="t.segfault")
def segfault() -> None:
    ctypes.string_at(0)


@task(name="t.exit", retry=0)
def leave(code: int = 0) -> None:
    os._exit(code)


@task(name="t.sys_exit", retry=0)
def sys_exit() -> None:
    sys.exit(3)
