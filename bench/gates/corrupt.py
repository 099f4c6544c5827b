"""One record in ten is corrupt: all good jobs are done, no process ends, and what is corrupt is kept as it was."""

from __future__ import annotations

import itertools
import time
from typing import Any

from redis import Redis

from bench import harness
from bench.gates import site
from bench.gates.findings import Finding, exactly
from tests.worker.corruption import KINDS, Damage

FULL = 10_000
_WORKERS = 2
_PATIENCE = 30.0


def run(jobs: int) -> list[Finding]:
    """Three queues, two workers."""
    with harness.bench() as bench:
        site.in_use(bench.environment)
        damaged = _damage(bench.redis, _enqueue(jobs))
        with site.working(bench.environment, _WORKERS) as workers:
            horses = _wait(bench.redis, [worker.pid for worker in workers])
            alive = sum(worker.poll() is None for worker in workers)
            left = horses - {pid for worker in workers for pid in harness.tree(worker.pid)}
        return [
            exactly("good jobs done", _finished(bench.redis), jobs - len(damaged)),
            exactly(f"corrupt records of {len(KINDS)} kinds in quarantine", _count(bench.redis), len(damaged)),
            exactly("of them not with the bytes they had", sum(not it.kept(bench.redis) for it in damaged), 0),
            exactly("workers that ended", _WORKERS - alive, 0),
            exactly("horses that ended", len(left), 0),
        ]


def _enqueue(jobs: int) -> list[tuple[str, str]]:
    """Ids and queues."""
    from jobs.dispatch import JobRequest, submit_many

    args = {"payload": {"number": 1}}
    import bench.peers.nightshift  # noqa: F401 - registers the task

    requests = (JobRequest(task="bench.noop", args=args, queue=site.QUEUES[n % 3]) for n in range(jobs))
    return [(job.id, job.queue) for job in submit_many(requests)]


def _damage(redis: Redis, jobs: list[tuple[str, str]]) -> list[Damage]:
    """Every tenth job, each kind in turn."""
    return [kind(redis, job_id) for kind, (job_id, _) in zip(itertools.cycle(KINDS.values()), jobs[::10], strict=False)]


def _wait(redis: Redis, pids: list[int]) -> set[int]:
    """Until nothing waits or runs; gives the horses that were seen at the beginning."""
    while len(horses := {pid for top in pids for pid in harness.tree(top)[1:]}) < 2 * len(pids):
        time.sleep(0.05)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and _open(redis):
        time.sleep(0.1)
    return horses


def _open(redis: Redis) -> int:
    counts: Any = [redis.llen(f"rq:queue:{queue}") for queue in site.QUEUES]
    running: Any = [redis.zcard(f"rq:wip:{queue}") for queue in site.QUEUES]
    return int(sum(counts) + sum(running))


def _finished(redis: Redis) -> int:
    return sum(int(redis.zcard(f"rq:finished:{queue}")) for queue in site.QUEUES)


def _count(redis: Redis) -> int:
    return int(redis.hlen("ns:quarantine"))
