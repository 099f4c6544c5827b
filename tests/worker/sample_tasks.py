"""Tasks that tests of the worker run: `python -m worker --tasks tests.worker.sample_tasks`."""

import asyncio
import ctypes
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jobs import Discard, File, Retry, RetryLater, Snooze, current_job, task


@task(name="sample.add")
def add(a: int, b: int) -> int:
    return a + b


@task(name="sample.add_async")
async def add_async(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


@task(name="sample.humble", priority="low")
def humble() -> None:
    pass


@task(name="sample.work", timeout=60)
def work(path: str, seconds: float = 0.0, text: str = "") -> dict[str, Any]:
    """Write a line at the start and one at the end."""
    _note(path, f"start {text}".rstrip())
    time.sleep(seconds)
    _note(path, f"end {text}".rstrip())
    return {"attempt": current_job().attempt, "pid": os.getpid()}


@task(name="sample.stride", timeout=60)
def stride(path: str, number: int, seconds: float = 0.0, code: int | None = None) -> int:
    """Short as a rule; but it may take its time, or kill its horse."""
    _note(path, str(number))
    if seconds:
        current_job().checkpoint("on the way")
        time.sleep(seconds)
    if code is not None:
        os._exit(code)
    return number


@task(name="sample.resume", timeout=60)
def resume(path: str, seconds: float) -> list[int]:
    """Goes on where an interrupted run stopped."""
    done: list[int] = current_job().state or []
    _note(path, f"start at {len(done)}")
    while len(done) < 3:
        done.append(len(done))
        current_job().checkpoint(done)
        time.sleep(seconds if len(done) == 2 and current_job().state and not Path(path + ".again").exists() else 0)
    return done


@task(name="sample.fail", retry=Retry(max=2, base=0.01, cap=0.02))
def fail(times: int = 99) -> int:
    if current_job().attempt <= times:
        raise ValueError(f"attempt {current_job().attempt} fails")
    return current_job().attempt


@task(name="sample.picky", retry=Retry(max=3, base=0.01, give_up_on=(KeyError,)))
def picky() -> None:
    raise KeyError("no use trying again")


@task(name="sample.odd", retry=0)
def odd() -> None:
    raise ValueError("cannot read " + b"a\xff.csv".decode("utf-8", "surrogateescape"))


@task(name="sample.snooze")
def snooze(seconds: float = 0.05) -> int:
    if current_job().state is None:
        current_job().checkpoint({"snoozed": True})
        raise Snooze(seconds)
    return current_job().attempt


@task(name="sample.discard")
def discard() -> None:
    raise Discard("not worth it")


@task(name="sample.later")
def later(seconds: float) -> None:
    raise RetryLater(seconds, "busy")


@task(name="sample.swallow", timeout=1, retry=0)
def swallow(path: str) -> None:
    """Swallows every Exception, as too many tasks do."""
    _note(path, "start")
    while True:
        try:
            time.sleep(0.05)
        except Exception:  # noqa: S110
            pass


@task(name="sample.sleep_async", timeout=1, retry=0)
async def sleep_async(seconds: float) -> None:
    await asyncio.sleep(seconds)


@task(name="sample.spin_async", timeout=1, retry=0)
async def spin_async() -> None:
    """Two coroutines that are never idle."""

    async def spin() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    await asyncio.gather(spin(), spin())


@task(name="sample.spin_inside", timeout=1, retry=0)
def spin_inside() -> None:
    """Not async itself, but it runs a loop."""
    asyncio.run(spin_async())


@task(name="sample.block_async", timeout=1, retry=0)
async def block_async(path: str) -> None:
    """Blocks the event loop, and has something to await before it ends."""
    try:
        time.sleep(60)  # noqa: ASYNC251
    finally:
        await asyncio.sleep(0.1)
        _note(path, "clean")


@task(name="sample.tidy_async", timeout=1, retry=0)
async def tidy_async(path: str) -> None:
    """Takes longer to clean up than until the second signal; ends badly."""
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(1.2)
        _note(path, "clean")
        raise ValueError("interrupted in the middle")


@task(name="sample.swallow_async", timeout=1, retry=0)
async def swallow_async(path: str) -> None:
    """Goes on when it is cancelled."""
    _note(path, "start")
    while True:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass


@task(name="sample.lose", timeout=1, retry=0)
def lose() -> None:
    """Spends its time in a place where Python reports an exception and goes on."""

    class Slow:
        def __del__(self) -> None:
            time.sleep(60)

    Slow()
    time.sleep(60)


@task(name="sample.swallow_all", timeout=1, retry=0)
def swallow_all(path: str) -> None:
    """Swallows even what says that it must end."""
    _note(path, "start")
    while True:
        try:
            time.sleep(0.05)
        except BaseException:  # noqa: S110
            pass


@task(name="sample.stubborn", timeout=1, retry=0)
def stubborn(path: str) -> None:
    """Never comes back from C code, and has started a child."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    _note(path, f"child {child.pid}")
    sum(itertools.repeat(0))


@task(name="sample.tidy", timeout=60)
def tidy(path: str) -> None:
    """Leaves nothing behind, however it ends; ends badly when it is interrupted."""
    _note(path, "start")
    try:
        time.sleep(30)
    finally:
        _note(path, "clean")
        raise ValueError("interrupted in the middle")


@task(name="sample.segfault")
def segfault() -> None:
    ctypes.string_at(0)


@task(name="sample.leave")
def leave(code: int = 0) -> None:
    os._exit(code)


@task(name="sample.sys_exit", retry=0)
def sys_exit() -> None:
    sys.exit(3)


@task(name="sample.chatter")
def chatter() -> None:
    """Prints as people do, and has a program print."""
    print("one", 1)
    print("half", end="")
    print(" a line\nand another")
    subprocess.run(["echo", "by a program"], stdout=sys.stdout, check=True)


@task(name="sample.fork")
def fork() -> str:
    """The child comes back out of the task, too."""
    return "child" if os.fork() == 0 else "parent"


@task(name="sample.stop_worker", timeout=60)
def stop_worker(path: str) -> None:
    """At the first run the worker is told to end, and this job is interrupted."""
    if not Path(path).exists():
        _note(path, "told")
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(30)


@task(name="sample.allocate")
def allocate(megabytes: int) -> int:
    return len(bytearray(megabytes * 1024 * 1024))


@task(name="sample.report")
def report() -> str:
    current_job().progress(1, 2, "half")
    current_job().log("a line", colour="red")
    current_job().artifact("result.txt", b"bytes", "text/plain")
    return current_job().idempotency_key


@task(name="sample.read")
def read(file: File) -> str:
    return file.read().decode()


def _note(path: str, line: str) -> None:
    with Path(path).open("a") as lines:
        lines.write(line + "\n")
