"""What a worker with four processes holds in memory, and what a waiting job costs the server.

python -m bench.footprint
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from types import ModuleType

from bench import harness

NAMES = ("nightshift", "celery_prefork", "rq_fork")
WAITING = 2000


def measure(name: str) -> dict[str, float]:
    """One peer, once."""
    with harness.bench() as bench:
        peer = harness.load(name, bench.environment)
        bytes_per_job = _bytes_per_waiting_job(bench, peer)
        peer.WORKER[:] = _with_four(peer.WORKER)
        with bench.worker(peer) as worker:
            bench.wait_until_done(peer)
            return {"server bytes per waiting job": bytes_per_job, "pss MB": harness.memory_kb(worker.pid) / 1024}


def _bytes_per_waiting_job(bench: harness.Bench, peer: ModuleType) -> float:
    peer.enqueue(50)
    before = bench.redis.info("memory")["used_memory"]
    peer.enqueue(WAITING)
    return float(bench.redis.info("memory")["used_memory"] - before) / WAITING


def _with_four(command: list[str]) -> list[str]:
    """The same worker with four processes, where its command has an option for them."""
    for option in ("--horses", "--concurrency"):
        if option in command:
            at = command.index(option)
            return [*command[: at + 1], "4", *command[at + 2 :]]
    return command


def main() -> None:
    """Measure every peer, three times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one)))
        return
    results: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(given.rounds):
        for name in NAMES:
            for column, value in json.loads(harness.in_process("bench.footprint", "--one", name)).items():
                results[name][column].append(value)
    harness.print_table(results)


if __name__ == "__main__":
    main()
