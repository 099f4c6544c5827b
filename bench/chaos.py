"""Kill workers and the server while jobs run: count what is lost, what runs twice, and how long recovery takes.

    python -m bench.chaos --jobs 10000 --seconds 60

Every peer has two workers and a durable server, and the same schedule: every two seconds one worker is killed with
all its processes and started again at once; a third and two thirds of the way the server is killed and started again.
Jobs take 5 ms and note their start and end in a file. When nothing has ended for `--patience` seconds, the rest is lost
as far as a person can tell.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from bench import harness

NAMES = ("nightshift", "rq_fork", "celery_prefork", "dramatiq_threads")
KILL_EVERY = 2.0


@dataclass(slots=True)
class Story:
    """What the file tells: when each job started and ended."""

    starts: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, notes: Path) -> Story:
        """The story so far."""
        story = cls()
        for line in notes.read_text().splitlines() if notes.exists() else []:
            what, number, at = line.split()
            (story.starts if what == "start" else story.ends)[int(number)].append(float(at))
        return story

    def verdict(self, jobs: int) -> dict[str, float]:
        """Jobs that never ended, ends beyond the first of each job, the longest from a cut start to an end (s)."""
        recoveries = [self.ends[number][0] - began[0] for number, began in self.starts.items() if self.ends.get(number)]
        return {
            "jobs": jobs,
            "lost": jobs - len(self.ends),
            "copies": sum(len(ends) - 1 for ends in self.ends.values()),
            "slowest recovery s": max(recoveries, default=0.0),
        }


def measure(name: str, jobs: int, seconds: float, patience: float) -> dict[str, float]:
    """One peer through the schedule."""
    with tempfile.TemporaryDirectory(prefix="nightshift-chaos-") as folder:
        notes = Path(folder, "notes")
        os.environ.update(BENCH_NOTES=str(notes), VISIBILITY_TIMEOUT="10")
        with harness.bench(durable=True) as bench:
            peer = harness.load(name, bench.environment)
            peer.enqueue(jobs, "mark", 0)
            workers = [_start(peer, bench) for _ in range(2)]
            try:
                torment(bench, workers, lambda: _start(peer, bench), seconds)
                wait_for_ends(notes, jobs, patience)
            finally:
                for worker in workers:
                    kill(worker)
        return Story.read(notes).verdict(jobs)


def torment(
    bench: harness.Bench,
    workers: list[subprocess.Popen[bytes]],
    start: Callable[[], subprocess.Popen[bytes]],
    seconds: float,
) -> None:
    """Kill and start again: a worker every two seconds, the server twice."""
    began, kills, server_kills = time.monotonic(), 0, 0
    while time.monotonic() < began + seconds:
        time.sleep(KILL_EVERY)
        victim = kills % len(workers)
        kill(workers[victim])
        workers[victim] = start()
        kills += 1
        if server_kills < 2 and time.monotonic() > began + seconds * (server_kills + 1) / 3:
            bench.kill_server()
            bench.start_server()
            server_kills += 1


def _start(peer: ModuleType, bench: harness.Bench) -> subprocess.Popen[bytes]:
    return harness.start_worker(peer, bench.environment | {"BENCH_NOTES": os.environ["BENCH_NOTES"]})


def kill(worker: subprocess.Popen[bytes]) -> None:
    """A process with all below it, at once."""
    harness.stop(worker.pid)
    worker.wait()


def wait_for_ends(notes: Path, jobs: int, patience: float) -> None:
    """Until all jobs have ended, or nothing happens any more."""
    ended, since = 0, time.monotonic()
    while ended < jobs and time.monotonic() < since + patience:
        time.sleep(0.5)
        now = len(Story.read(notes).ends)
        if now > ended:
            ended, since = now, time.monotonic()


def main() -> None:
    """Torment every peer in turn and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--patience", type=float, default=60)
    parser.add_argument("--peers", default=",".join(NAMES))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.jobs, given.seconds, given.patience)))
        return
    results: dict[str, dict[str, list[float]]] = {}
    for name in given.peers.split(","):
        options = ("--jobs", given.jobs, "--seconds", given.seconds, "--patience", given.patience)
        told = json.loads(harness.in_process("bench.chaos", "--one", name, *options))
        results[name] = {column: [value] for column, value in told.items()}
    harness.print_table(results)


if __name__ == "__main__":
    main()
