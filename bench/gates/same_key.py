"""Idempotency keys, each posted by a hundred clients at the same moment: one job and one run for each key."""

from __future__ import annotations

import tempfile
import threading
from collections import defaultdict
from pathlib import Path

from bench import chaos, harness
from bench.gates import site
from bench.gates.findings import Finding, exactly

FULL = 200
CLIENTS = 100


class Crowd:
    """Clients that all post the same key, then all the next one."""

    def __init__(self, port: int, keys: int) -> None:
        self._port, self._keys = port, keys
        self._together = threading.Barrier(CLIENTS)
        self.jobs: dict[int, set[str]] = defaultdict(set)
        self.refused = 0

    def post(self) -> None:
        """Return when every client has posted every key."""
        threads = [threading.Thread(target=self._post_all) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _post_all(self) -> None:
        client = site.Client(self._port)
        for key in range(self._keys):
            self._together.wait()
            answer = client.post(key, "mark", key=f"key-{key}")
            if answer.status in {200, 202}:
                self.jobs[key].add(answer.body["id"])
            else:
                self.refused += 1


def run(keys: int) -> list[Finding]:
    """Real gunicorn; the worker starts when all is posted."""
    with tempfile.TemporaryDirectory(prefix="nightshift-gate-") as folder, harness.bench() as bench:
        notes, environment = Path(folder, "notes"), bench.environment
        environment["BENCH_NOTES"] = str(notes)
        with site.served(environment) as port:
            crowd = Crowd(port, keys)
            crowd.post()
            waiting = int(bench.redis.llen("rq:queue:default"))
            with site.working(environment, 1):
                chaos.wait_for_ends(notes, keys, 10)
        runs = sum(len(starts) for starts in chaos.Story.read(notes).starts.values())
    return [
        exactly("jobs enqueued", waiting, keys),
        exactly("ids that clients were told", len(set().union(*crowd.jobs.values())), keys),
        exactly("runs", runs, keys),
        exactly(f"of {keys * CLIENTS:,} posts not answered with the job", crowd.refused, 0),
    ]
