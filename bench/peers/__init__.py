"""Nightshift and its peers behind one face: how each enqueues jobs, works, and shows that it is done.

A peer is a module with `WORKER` (the command of one worker process), `enqueue(count, action, value)` (one by one, as
an application would; without an action the job is empty, else it does one of bench/actions.py), and `left(redis)`
(jobs not yet done, as its own structures tell). All keep results. Each reads REDIS_URL when it is imported.
"""

from __future__ import annotations

import importlib
from types import ModuleType

NAMES = ("nightshift", "rq_fork", "rq_simple", "celery_prefork", "dramatiq_threads", "huey_process", "floor")


def load(name: str) -> ModuleType:
    """The module of a peer; ImportError when its library is not installed."""
    return importlib.import_module(f"bench.peers.{name}")
