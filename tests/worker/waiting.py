"""Wait for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from jobs import monitor
from jobs.records import Job

T = TypeVar("T")

ENDED = {"finished", "failed", "stopped", "canceled"}


def eventually(look: Callable[[], T | None], seconds: float = 10.0, hint: Callable[[], str] = str) -> T:
    """What `look` gives, as soon as it is something; other processes tell us nothing, so we look again and again."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s {hint()}"
        time.sleep(0.01)
    return seen


def ended(job: Job, seconds: float = 15.0) -> Job:
    """The job, as soon as it has ended."""

    def look() -> Job | None:
        seen = monitor.find_job(job.id)
        return seen if seen and seen.status in ENDED else None

    return eventually(look, seconds)


def has_status(job: Job, status: str, seconds: float = 10.0) -> Job:
    """The job, as soon as it has this status."""

    def look() -> Job | None:
        seen = monitor.find_job(job.id)
        return seen if seen and seen.status == status else None

    return eventually(look, seconds)


def children(pid: int) -> list[int]:
    """The horses of a supervisor."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False
