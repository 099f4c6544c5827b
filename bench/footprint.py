"""What a job costs the server, and what an idle process costs the machine: memory, and the time it takes to start.

python -m bench.footprint                # everything
python -m bench.footprint --only jobs    # jobs, workers or processes
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from types import ModuleType

from bench import harness, idle

JOBS = ("nightshift", "rq_simple", "celery_prefork", "huey_process")
WORKERS = ("nightshift", "celery_prefork", "rq_fork")
COUNT = 1000
_SETTLED = 0.5  # seconds in which the last job ends: some peers show only those that wait


def measure(name: str, part: str) -> dict[str, float]:
    """One peer, or one process, once; without a part what jobs and workers of a peer take."""
    if part == "processes":
        return idle.measure(name)
    with harness.bench() as bench:
        peer = harness.load(name, bench.environment)
        found = {} if part == "workers" else _of_jobs(bench, peer)
        return found if part == "jobs" else found | _of_worker(bench, peer)


def _of_jobs(bench: harness.Bench, peer: ModuleType) -> dict[str, float]:
    """Server memory of a job that waits, and of one that has finished with its result."""
    _run(bench, peer, 50)
    empty = _used(bench)
    peer.enqueue(COUNT)
    waiting = _used(bench) - empty
    _run(bench, peer, 0)
    finished = _used(bench) - empty
    return {"server bytes per waiting job": waiting / COUNT, "server bytes per finished job": finished / COUNT}


def _of_worker(bench: harness.Bench, peer: ModuleType) -> dict[str, float]:
    """Memory of a worker with four processes."""
    peer.WORKER[:] = _with_four(peer.WORKER)
    peer.enqueue(50)
    with bench.worker(peer) as worker:
        bench.wait_until_done(peer)
        return {"pss MB": harness.memory_kb(worker.pid) / 1024}


def _run(bench: harness.Bench, peer: ModuleType, more: int) -> None:
    """Run what waits, and end the worker, whose own records are not those of jobs."""
    peer.enqueue(more)
    with bench.worker(peer):
        bench.wait_until_done(peer)
        time.sleep(_SETTLED)


def _used(bench: harness.Bench) -> float:
    return float(bench.redis.info("memory")["used_memory"])


def _with_four(command: list[str]) -> list[str]:
    """The same worker with four processes, where its command has an option for them."""
    for option in ("--horses", "--concurrency"):
        if option in command:
            at = command.index(option)
            return [*command[: at + 1], "4", *command[at + 2 :]]
    return command


PARTS = {"jobs": JOBS, "workers": WORKERS, "processes": tuple(idle.COMMANDS)}


def main() -> None:
    """Measure everything, three times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.only or "")))
        return
    for part in [given.only] if given.only else PARTS:
        harness.print_table(_measured(part, given.rounds))
        print()


def _measured(part: str, rounds: int) -> dict[str, dict[str, Sequence[float]]]:
    results = harness.in_rounds("bench.footprint", rounds, dict.fromkeys(PARTS[part], ("--only", part)))
    return {name: dict(columns) for name, columns in results.items()}


if __name__ == "__main__":
    main()
