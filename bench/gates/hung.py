"""The server hangs: every post is answered with 503 in less than three seconds, and accepted when it is back."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from bench import harness
from bench.gates import site
from bench.gates.findings import Finding, below, exactly

FULL = 400
_CLIENTS = 40  # more than twice the threads of the web process


def run(posts: int) -> list[Finding]:
    """Real gunicorn, a server stopped by SIGSTOP, and continued."""
    with harness.bench() as bench, site.served(bench.environment) as port, ThreadPoolExecutor(_CLIENTS) as pool:
        clients = [site.Client(port) for _ in range(_CLIENTS)]
        warm = list(pool.map(lambda client: client.post(0, "mark").status, clients))
        bench.process.send_signal(signal.SIGSTOP)
        rounds = [list(pool.map(lambda client: client.post(1, "mark"), clients)) for _ in range(posts // _CLIENTS)]
        bench.process.send_signal(signal.SIGCONT)
        began = time.monotonic()
        while clients[0].post(2, "mark").status != 202:
            time.sleep(0.05)
    answers = [answer for answered in rounds for answer in answered]
    return [
        exactly("posts accepted before", warm.count(202), _CLIENTS),
        exactly("posts answered with 503", sum(answer.status == 503 for answer in answers), len(answers)),
        below("slowest answer (s)", max(answer.seconds for answer in answers), 3),
        below("until the next post was accepted, after the server came back (s)", time.monotonic() - began, 5),
    ]
