"""What a benchmark's job does, when it does something."""

from __future__ import annotations

import ctypes
import os
import time
from functools import cache
from pathlib import Path

from redis import Redis

LATENCIES = "bench:latencies"


def perform(action: str, value: float) -> float:
    """Do it; the result is kept by every peer."""
    return {"burn": burn, "stamp": stamp, "mark": mark, "crash": crash}[action](value)


def burn(number: float) -> float:
    """Use the processor for a millisecond."""
    until = time.thread_time() + 0.001
    while time.thread_time() < until:
        pass
    return number


def stamp(sent_at: float) -> float:
    """Tell how long ago the job was sent."""
    taken = time.time() - sent_at
    _client().rpush(LATENCIES, repr(taken))
    return taken


def crash(number: float) -> float:
    """Tell the time and end the process as a bug in C code does."""
    at = time.time()
    _client().rpush(LATENCIES, repr(at))
    ctypes.string_at(0)
    return number


def mark(number: float) -> float:
    """Take 5 ms, or as long as is asked for; note start and end in a file, which no kill of a server can take back."""
    notes = Path(os.environ["BENCH_NOTES"])
    _note(notes, "start", number)
    time.sleep(float(os.environ.get("BENCH_SECONDS", "0.005")))
    _note(notes, "end", number)
    return number


def _note(notes: Path, what: str, number: float) -> None:
    line = f"{what} {int(number)} {time.time()}\n".encode()
    handle = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line)
    os.close(handle)


@cache
def _client() -> Redis:
    return Redis.from_url(os.environ["REDIS_URL"])
