"""Real clock processes, started and stopped by a test."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from jobs.schedules.history import history

ROOT = Path(__file__).parents[2]
EVERY_SECOND = """
import clock
from jobs import every
import tasks.maintenance
every(tasks.maintenance.check, name="second", seconds=1, overlap="allow", catchup="all")
clock.main()
"""
# What a process sees of its machine's clock, in the two ways in which Python asks for it.
AN_HOUR_AHEAD_THEN_TWO_BEHIND = """
import datetime, time
real, began = time.time, time.monotonic()
def wrong():
    leapt = time.monotonic() - began > 2.5
    if leapt and not said:
        said.append(print("the clock leaps", flush=True))
    return real() + (-7200 if leapt else 3600)
said = []
class Wrong(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(wrong(), tz)
time.time, datetime.datetime = wrong, Wrong
"""


class ClockProcess:
    """A clock; its lines are read as they come."""

    def __init__(self, redis_url: str, *arguments: str, **environment: str) -> None:
        fixed = {"NIGHTSHIFT_ENV": "test", "REDIS_URL": redis_url, "LOG_FORMAT": "console", "PYTHONUNBUFFERED": "1"}
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        command = [sys.executable, *(arguments or ("-c", EVERY_SECOND))]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=kept | fixed | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def wait_for(self, text: str, seconds: float = 10.0) -> str:
        """The first line that contains a text, from here on."""
        seen: list[str] = []
        try:
            while text not in (line := self.lines.get(timeout=seconds)):
                seen.append(line)
        except queue.Empty:
            raise AssertionError(f"{text!r} did not come; what came is:\n{''.join(seen)}") from None
        return line

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        """Kill it, stopped or not, and leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def clocks(redis_url: str, number: int) -> Iterator[list[ClockProcess]]:
    """Several clocks; the first one leads."""
    started: list[ClockProcess] = []
    try:
        for expected in ["Leading", *["Standing by"] * (number - 1)]:
            started.append(ClockProcess(redis_url))
            started[-1].wait_for(expected)
        yield started
    finally:
        for clock in started:
            clock.close()


def decided(redis: Redis, name: str = "second") -> Sequence[tuple[int, float]]:
    """Each tick that was enqueued, in seconds since 1970, and how late it was; oldest first."""
    entries = [entry for entry in reversed(history(name, 1000)) if entry.outcome == "enqueued"]
    return [(round(entry.tick.timestamp()), entry.late or 0.0) for entry in entries if entry.tick is not None]
