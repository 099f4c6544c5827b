"""Many jobs enqueued by one call: `submit_many` against RQ's `Queue.enqueue_many`.

python -m bench.bulk --jobs 5000 --rounds 5
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from bench import harness

NAMES = ("nightshift", "rq_fork")


def measure(name: str, jobs: int) -> dict[str, float]:
    """One of them, once; a call of a few jobs goes before, which pays for what is loaded late."""
    with harness.bench() as bench:
        harness.load(name, bench.environment)
        enqueue = {"nightshift": _ours, "rq_fork": _rq}[name]()
        enqueue(10)
        began, cpu = time.monotonic(), time.process_time()
        enqueue(jobs)
        return {"jobs/s": jobs / (time.monotonic() - began), "us of CPU": (time.process_time() - cpu) / jobs * 1e6}


def _ours() -> Callable[[int], None]:
    from jobs.dispatch import JobRequest, submit_many

    def enqueue(count: int) -> None:
        requests = (JobRequest(task="bench.noop", args={"payload": {"number": n}}) for n in range(count))
        assert len(list(submit_many(requests))) == count

    return enqueue


def _rq() -> Callable[[int], None]:
    from rq import Queue

    from bench.peers import rq_fork

    def enqueue(count: int) -> None:
        queue = rq_fork.queue()
        queue.enqueue_many([Queue.prepare_data(rq_fork.noop, [{"number": n}]) for n in range(count)])

    return enqueue


def main() -> None:
    """Measure both in turn, in rounds, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.jobs)))
        return
    results = harness.in_rounds("bench.bulk", given.rounds, dict.fromkeys(NAMES, ("--jobs", given.jobs)))
    harness.print_table(results, compare="jobs/s")


if __name__ == "__main__":
    main()
