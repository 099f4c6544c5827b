"""RQ's SimpleWorker: no fork, and no protection from a job that crashes or hangs."""

from __future__ import annotations

from bench.peers.rq_fork import WORKER as FORK
from bench.peers.rq_fork import enqueue, left

__all__ = ["WORKER", "enqueue", "left"]

WORKER = [*FORK, "--worker-class", "rq.worker.SimpleWorker"]
