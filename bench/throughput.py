"""Jobs for each second of CPU time (worker and server together), and enqueues for each second, against peers.

    python -m bench.throughput --jobs 4000 --rounds 5

All peers run in every round, one after the other, each with a fresh server; medians are printed as a table. A worker is
warmed up, stopped by SIGSTOP while its jobs are enqueued, and measured from SIGCONT to the last job.
"""

from __future__ import annotations

import argparse
import json
import signal
import time

from bench import harness, peers

WARM_UP = 50
SLOW = {"rq_fork": 10, "rq_simple": 2}  # measured with so many times fewer jobs


def measure(name: str, jobs: int, burn: bool) -> dict[str, float]:
    """One peer, once: jobs and enqueues for each CPU second, and round trips and commands for each job."""
    with harness.bench() as bench:
        peer = harness.load(name, bench.environment)
        with bench.worker(peer) as worker:
            peer.enqueue(WARM_UP)
            bench.wait_until_done(peer)
            harness.signal_tree(worker.pid, signal.SIGSTOP)
            enqueued = _enqueue(peer, jobs, burn)
            return enqueued | _work(bench, peer, worker.pid, jobs)


def _enqueue(peer: object, jobs: int, burn: bool) -> dict[str, float]:
    began, cpu = time.monotonic(), time.process_time()
    peer.enqueue(jobs, "burn" if burn else "")  # type: ignore[attr-defined]
    return {"enqueue/s": jobs / (time.monotonic() - began), "enqueue/cpu-s": jobs / (time.process_time() - cpu)}


def _work(bench: harness.Bench, peer: object, pid: int, jobs: int) -> dict[str, float]:
    before = _spent(bench, pid)
    began = time.monotonic()
    harness.signal_tree(pid, signal.SIGCONT)
    bench.wait_until_done(peer)  # type: ignore[arg-type]
    seconds = time.monotonic() - began
    worker, server, trips, commands = (after - start for after, start in zip(_spent(bench, pid), before, strict=True))
    return {
        "jobs/s": jobs / seconds,
        "jobs/cpu-s": jobs / (worker + server),
        "worker us": worker / jobs * 1e6,
        "server us": server / jobs * 1e6,
        "round trips": trips / jobs,
        "commands": commands / jobs,
        "pss MB": harness.memory_kb(pid) / 1024,
    }


def _spent(bench: harness.Bench, pid: int) -> tuple[float, float, float, float]:
    """CPU seconds of worker and server; what the server has read, a pipeline once; commands in scripts, too."""
    info = bench.redis.info("stats")
    calls = info["total_reads_processed"], info["total_commands_processed"]
    return harness.cpu_seconds(pid), harness.cpu_seconds(bench.process.pid), *calls


def main() -> None:
    """Measure every peer in turn, in rounds, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--burn", action="store_true", help="each job uses 1 ms of CPU time")
    parser.add_argument("--peers", default=",".join(peers.NAMES))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.jobs, given.burn)))
        return
    options = {name: _options(name, given) for name in given.peers.split(",")}
    results = harness.in_rounds("bench.throughput", given.rounds, options)
    harness.print_table(results, compare="jobs/cpu-s")


def _options(name: str, given: argparse.Namespace) -> list[object]:
    return ["--jobs", given.jobs // SLOW.get(name, 1), *(["--burn"] if given.burn else [])]


if __name__ == "__main__":
    main()
