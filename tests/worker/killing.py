"""Workers that kill themselves at a named point, once: `python -m tests.worker.killing FOLDER POINT:QUEUE ...`.

Each worker serves the queue of its own; one that ends, killed or not, is started again, as a platform would.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs import bulk, claims, logs, recovery
from jobs.connection import connect
from jobs.settings import Settings, current_settings
from worker import attempts, hands, registration, slots
from worker.supervisor import Plan, Supervisor

# Where the call is, and whether the process dies before or after it: every point between two calls to Redis.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "before-claim": (claims.Claims, "claim", True),
    "after-claim": (claims.Claims, "claim", False),
    "before-begin": (slots.Slot, "begin", True),
    "before-run": (attempts, "execute", True),
    "after-run": (attempts, "execute", False),
    "before-settle": (claims.Claims, "settle_all", True),
    "after-settle": (claims.Claims, "settle_all", False),
    "before-keep": (hands.Hand, "keep", True),
    "after-keep": (hands.Hand, "keep", False),
    "before-take-over": (recovery, "take_over", True),
    "after-take-over": (recovery, "take_over", False),
    "after-finish": (recovery, "give_back", True),  # between the two calls of taking over
    "before-heartbeat": (registration.Registration, "beat", True),
    "after-heartbeat": (registration.Registration, "beat", False),
    "before-promote": (recovery, "promote", True),
    "after-promote": (recovery, "promote", False),
    "before-reap": (recovery, "crashed", True),
    "after-reap": (recovery, "crashed", False),
    "before-sweep": (recovery, "sweep", True),
    "after-sweep": (recovery, "sweep", False),
    "before-tidy": (recovery, "tidy", True),
    "after-tidy": (recovery, "tidy", False),
    "before-requeue": (bulk, "_act", True),  # a person's "retry all" is a job, which requeues one after the other
    "after-requeue": (bulk, "_act", False),
}


def deadly(original: Callable[..., Any], marker: Path, *, before: bool) -> Callable[..., Any]:
    """The function, but its first call in any process with this marker is the last thing the process does."""

    def call(*args: Any, **kwargs: Any) -> Any:
        due = not marker.exists()
        if due and before:
            _die(marker)
        result = original(*args, **kwargs)
        if due and (result or original.__name__ != "claim"):  # a claim that found no job is not the point
            _die(marker)
        return result

    return call


def _die(marker: Path) -> None:
    marker.touch()
    os.kill(os.getpid(), signal.SIGKILL)


def _serve(point: str, queue: str, folder: Path, settings: Settings) -> None:
    owner, name, before = POINTS[point]
    setattr(owner, name, deadly(getattr(owner, name), folder / queue, before=before))
    client = connect(settings, 1.0, pushes=True).client()  # type: ignore[no-untyped-call]
    Supervisor(Plan([queue], 1), settings, client).run()


def _fork(point: str, queue: str, folder: Path, settings: Settings) -> int:
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _serve(point, queue, folder, settings)
        os._exit(0)
    return pid


def main(folder: Path, pairs: list[str]) -> None:
    """Start all, start those again that ended, and stop all at SIGTERM."""
    settings = current_settings()
    logs.configure_logging(settings, "worker")
    importlib.import_module("tests.worker.sample_tasks")
    asked = [tuple(pair.split(":")) for pair in pairs]
    running = {_fork(point, queue, folder, settings): (point, queue) for point, queue in asked}
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        for pid in running:
            os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    while running:
        point, queue = running.pop(os.wait()[0])
        if not stopping:
            running[_fork(point, queue, folder, settings)] = (point, queue)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
