"""Jobs posted over HTTP to three queues while workers are killed every two seconds and the server twice."""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import chaos, harness
from bench.gates import site
from bench.gates.findings import Finding, at_most, below, exactly

FULL = 10_000
_A_SECOND = 120  # posts; of 10 ms each, so that four horses that are always being killed keep up
_CLIENTS = 16
_PATIENCE = 60.0


@dataclass(slots=True)
class Load:
    """Clients that post evenly over some seconds, and send again with the same key what was not accepted."""

    port: int
    jobs: int
    seconds: float
    accepted: dict[int, str] = field(default_factory=dict)
    accepted_at: dict[int, float] = field(default_factory=dict)
    sent_again: int = 0
    slowest: float = 0.0

    def start(self) -> list[threading.Thread]:
        """The clients, which end when all jobs are accepted."""
        numbers, began = itertools.count(), time.monotonic()
        threads = [threading.Thread(target=self._post_all, args=(numbers, began)) for _ in range(_CLIENTS)]
        for thread in threads:
            thread.start()
        return threads

    def _post_all(self, numbers: itertools.count[int], began: float) -> None:
        client = site.Client(self.port)
        while (number := next(numbers)) < self.jobs:
            time.sleep(max(0.0, began + number * self.seconds / self.jobs - time.monotonic()))
            self.accepted[number] = self._post(client, number)
            self.accepted_at[number] = time.time()

    def _post(self, client: site.Client, number: int) -> str:
        while True:
            answer = client.post(number, "mark", queue=site.QUEUES[number % 3], key=f"storm-{number}")
            self.slowest = max(self.slowest, answer.seconds)
            if answer.status in {200, 202}:
                return str(answer.body["id"])
            if answer.status not in {0, 503}:
                raise RuntimeError(f"unexpected answer: {answer}")
            self.sent_again += 1
            time.sleep(0.2)


def run(jobs: int) -> list[Finding]:
    """Two workers with two horses each, gunicorn, a durable server."""
    with tempfile.TemporaryDirectory(prefix="nightshift-gate-") as folder, harness.bench(durable=True) as bench:
        notes, environment = Path(folder, "notes"), bench.environment
        site.in_use(environment)
        environment |= {"BENCH_NOTES": str(notes), "BENCH_SECONDS": "0.01"}
        with site.served(environment) as port, site.working(environment, 2) as workers:
            load = Load(port, jobs, jobs / _A_SECOND)
            clients = load.start()
            chaos.torment(bench, workers, lambda: harness.start(site.WORKER, environment), load.seconds)
            for client in clients:
                client.join()
            chaos.wait_for_ends(notes, jobs, _PATIENCE)
            time.sleep(1)  # a result is saved after the job has written its end
            return _findings(load, chaos.Story.read(notes))


def _findings(load: Load, story: chaos.Story) -> list[Finding]:
    verdict = story.verdict(load.jobs)
    return [
        exactly("jobs accepted", len(set(load.accepted.values())), load.jobs),
        exactly("accepted and never ended", verdict["lost"], 0),
        at_most("ended twice, of 100 jobs", 100 * verdict["copies"] / load.jobs, 0.2),
        below("slowest recovery of a job that was cut off (s)", verdict["slowest recovery s"], 15),
        exactly("attempts spent beyond the first", _attempts_spent(list(load.accepted.values())), 0),
        exactly("put back by the ledger's sweep", _repaired(), 0),
        below("slowest answer to a post (s)", load.slowest, 3),
        below("19 of 20 jobs started within (s); else the machine is too busy for this gate", _line(load, story), 2),
        Finding("jobs that a kill cut off", sum(len(starts) > 1 for starts in story.starts.values()), "", holds=True),
        Finding("posts sent again during outages", load.sent_again, "", holds=True),
    ]


def _line(load: Load, story: chaos.Story) -> float:
    """How long jobs wait for their first start. A job that was cut off waits in the same line a second time."""
    waits = sorted(starts[0] - load.accepted_at[number] for number, starts in story.starts.items())
    return waits[len(waits) * 19 // 20]


def _attempts_spent(job_ids: Sequence[str]) -> int:
    """How many jobs are not "finished in attempt 1"."""
    from jobs import monitor

    found = Counter((job.status, job.attempt) if job else None for job in monitor.find_jobs(list(job_ids)))
    return len(job_ids) - found["finished", 1]


def _repaired() -> int:
    from jobs import connection, keys

    return int(connection.client().hget(keys.STATS, "repaired") or 0)
