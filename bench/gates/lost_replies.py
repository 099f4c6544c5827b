"""Half of all replies are lost between Redis and the web process: one job for each post, all the same.

The web process asks once more by itself; when that reply is lost as well the client is told 503, and posts the same
key again.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import harness
from bench.gates import site
from bench.gates.findings import Finding, exactly
from tests.web.lossy import LossyWire

FULL = 1_000
_CLIENTS = 8


def run(posts: int) -> list[Finding]:
    """Real gunicorn, its only way to the server over a wire that loses every second reply of a script."""
    with harness.bench() as bench:
        address = Path(bench.folder, "lossy.sock")
        with LossyWire(address, Path(bench.folder, "redis.sock")) as wire:
            with site.served(bench.environment | {"REDIS_URL": f"unix://{address}"}) as port:
                ids = _post(port, posts)
            lost = wire.lost
            wire.shutdown()
        waiting = int(bench.redis.llen("rq:queue:default"))
    return [
        exactly("jobs", waiting, posts),
        exactly("ids that clients were told", len(set(ids)), posts),
        Finding("replies lost", lost, f"at least {posts // 2}", lost >= posts // 2),
    ]


def _post(port: int, posts: int) -> list[str]:
    def some(first: int) -> list[str]:
        client = site.Client(port)
        return [_until_accepted(client, number) for number in range(first, posts, _CLIENTS)]

    with ThreadPoolExecutor(_CLIENTS) as pool:
        return [job_id for told in pool.map(some, range(_CLIENTS)) for job_id in told]


def _until_accepted(client: site.Client, number: int) -> str:
    while (answer := client.post(number, "mark", key=f"lost-{number}")).status not in {200, 202}:
        time.sleep(0.05)
    return str(answer.body["id"])
