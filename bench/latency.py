"""From the call that enqueues to the first line of the task, on an idle worker: p50 and p99 against peers.

    python -m bench.latency --jobs 300 --rounds 5
    python -m bench.latency --crash              # from a segfault to the start of the next job, for ours only

Every job is sent alone, a moment after the one before has been done.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from itertools import pairwise
from typing import cast

from bench import harness, peers
from bench.actions import LATENCIES

WARM_UP = 20


def measure(name: str, jobs: int) -> dict[str, float]:
    """One peer, once: milliseconds."""
    with harness.bench() as bench:
        peer = harness.load(name, bench.environment)
        with bench.worker(peer):
            seen = sorted([_one(bench, peer) for _ in range(jobs + WARM_UP)][WARM_UP:])
    p50, p99 = seen[len(seen) // 2], seen[int(len(seen) * 0.99)]
    return {"p50 ms": p50 * 1e3, "p99 ms": p99 * 1e3, "p99 / p50": p99 / p50}


def _one(bench: harness.Bench, peer: object) -> float:
    time.sleep(random.uniform(0.005, 0.02))  # noqa: S311 - only spreads the calls
    peer.enqueue(1, "stamp", time.time())  # type: ignore[attr-defined]
    return _told(bench, peer)


def _told(bench: harness.Bench, peer: object) -> float:
    reply = cast("tuple[bytes, bytes] | None", bench.redis.blpop([LATENCIES], timeout=30))
    assert reply is not None, f"{peer} did not start a job within 30 s"
    return float(reply[1])


def measure_crashes(jobs: int) -> dict[str, float]:
    """Jobs that all segfault, one after the other, each as often as a job may: milliseconds between two starts."""
    with harness.bench() as bench:
        peer = harness.load("nightshift", bench.environment)
        with bench.worker(peer):
            peer.enqueue(jobs, "crash")
            starts = [_told(bench, peer) for _ in range(3 * jobs)]
    gaps = sorted(after - before for before, after in pairwise(starts))
    return {"p50 ms": gaps[len(gaps) // 2] * 1e3, "p90 ms": gaps[int(len(gaps) * 0.9)] * 1e3}


def main() -> None:
    """Measure every peer in turn, in rounds, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default=",".join(peers.NAMES))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--crash", action="store_true")
    given = parser.parse_args()
    if given.crash:
        print(json.dumps(measure_crashes(30)))
        return
    if given.one:
        print(json.dumps(measure(given.one, given.jobs)))
        return
    options = dict.fromkeys(given.peers.split(","), ("--jobs", given.jobs))
    harness.print_table(harness.in_rounds("bench.latency", given.rounds, options))


if __name__ == "__main__":
    main()
