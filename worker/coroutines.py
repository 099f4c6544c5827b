"""The event loop of an async task, as a signal finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread: that of an async task, or one that a task has started itself."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def position() -> TracebackType | None:
    """Where the loop's tasks wait, for an exception that does not come from there; of several the deepest one."""
    waiting = max(([*_frames(task.get_coro())] for task in asyncio.all_tasks()), key=len, default=[])
    trace: TracebackType | None = None
    for frame in reversed(waiting):
        trace = TracebackType(trace, frame, frame.f_lasti, frame.f_lineno)
    return trace


def _frames(awaited: Any) -> Iterator[FrameType]:
    """Of a coroutine and of those that it awaits, the outermost first."""
    while frame := getattr(awaited, "cr_frame", None):
        yield frame
        awaited = awaited.cr_await
