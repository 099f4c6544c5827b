"""`Prefer: wait=N` (RFC 7240): hold the answer back for a while, until there is more to say."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import TypeVar

from flask import Flask, current_app
from werkzeug.http import parse_dict_header

from .calls import call
from .stopping import stopping
from .turns import let_others_lead

Found = TypeVar("Found")

LONGEST = 20.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25
_PLACES = "nightshift.waiters"


def install(app: Flask, threads: int) -> None:
    """Let at most half of the threads wait, so that short requests always find one."""
    app.extensions[_PLACES] = BoundedSemaphore(max(1, threads // 2))


def preferred_seconds() -> float:
    """How long the client is ready to wait, at most 20 s; 0 when it did not say so in a way we understand."""
    said = call().environ.get("HTTP_PREFER")
    given = parse_dict_header(said).get("wait") or "" if said else ""
    return min(LONGEST, float(given)) if given.isascii() and given.isdecimal() and len(given) < 9 else 0.0


def wait_until(done: Callable[[Found], bool], look: Callable[[], Found]) -> Found:
    """Look again and again until `done`, or as long as the client prefers; gives what was seen last.

    When too many requests wait already, the answer is given at once, which the preference allows.
    """
    seconds, found = preferred_seconds(), look()
    if not seconds or not _places().acquire(blocking=False):
        return found
    try:
        let_others_lead()
        call().say("Preference-Applied", f"wait={int(seconds)}")
        return _poll(done, look, found, time.monotonic() + seconds)
    finally:
        _places().release()


def _poll(done: Callable[[Found], bool], look: Callable[[], Found], found: Found, deadline: float) -> Found:
    pause = _SHORTEST_PAUSE
    while not done(found) and not stopping.is_set() and (left := deadline - time.monotonic()) > 0:
        stopping.wait(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        found = look()
    return found


def _places() -> BoundedSemaphore:
    places: BoundedSemaphore = current_app.extensions[_PLACES]
    return places
