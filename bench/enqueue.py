"""Enqueues for each second of one process, one by one, against peers; there is no worker. For many at once: bench.bulk.

    python -m bench.enqueue --jobs 3000 --rounds 5

All peers run in every round, one after the other, each with a fresh server; medians are printed as a table. Where other
programs use the machine, believe the columns of CPU time: they are what a busy web process and its server have to pay.
"""

from __future__ import annotations

import argparse
import json
import time

from bench import harness, peers

WARM_UP = 300


def measure(name: str, jobs: int) -> dict[str, float]:
    """One peer, once."""
    with harness.bench() as bench:
        peer = harness.load(name, bench.environment)
        peer.enqueue(WARM_UP)
        server, cpu, began = harness.cpu_seconds(bench.process.pid), time.process_time(), time.monotonic()
        peer.enqueue(jobs)
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        server = harness.cpu_seconds(bench.process.pid) - server
    return {
        "enqueues/s": jobs / seconds,
        "enqueues/cpu-s": jobs / (cpu + server),
        "client us": cpu / jobs * 1e6,
        "server us": server / jobs * 1e6,
    }


def main() -> None:
    """Measure every peer in turn, in rounds, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default=",".join(name for name in peers.NAMES if name != "rq_fork"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.jobs)))
        return
    options = dict.fromkeys(given.peers.split(","), ("--jobs", given.jobs))
    results = harness.in_rounds("bench.enqueue", given.rounds, options)
    harness.print_table(results, compare="enqueues/s", also="enqueues/cpu-s")


if __name__ == "__main__":
    main()
