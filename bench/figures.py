"""Every figure that was promised, next to the goal: ours, the peer's, and the ratio.

    python -m bench.figures              # about ten minutes
    python -m bench.figures --quick      # about five: fewer jobs and rounds
    python -m bench.figures --only latency,bulk

All peers of a row run in every round, one after the other; a row shows medians, and the smallest and largest ratio of
the rounds. What a round measures is described in the module that measures it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench import harness, peers, throughput

OURS = "nightshift"


@dataclass(frozen=True, slots=True)
class Plan:
    """One way of measuring: the module, who is measured, its options, how often; `fewer` divides jobs of the slow."""

    module: str
    names: Sequence[str]
    options: Sequence[object] = ()
    jobs: int = 0
    rounds: int = 5
    fewer: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One promise: what is compared with whom (or with nobody), and how large or small it has to be."""

    title: str
    plan: str
    column: str
    peer: str
    goal: float
    at_least: bool = True

    def reached(self, value: float) -> bool:
        """Whether the promise is kept."""
        return value >= self.goal if self.at_least else value <= self.goal


PLANS = {
    "throughput": Plan("bench.throughput", peers.NAMES, jobs=5000, fewer=throughput.SLOW),
    "burn": Plan(
        "bench.throughput", (OURS, "celery_prefork", "dramatiq_threads", "huey_process"), ["--burn"], jobs=2000
    ),
    "enqueue": Plan(
        "bench.enqueue", (OURS, "rq_fork", "celery_prefork", "dramatiq_threads", "huey_process"), jobs=3000
    ),
    "latency": Plan("bench.latency", (OURS, "huey_process", "celery_prefork"), jobs=300),
    "bulk": Plan("bench.bulk", (OURS, "rq_fork"), jobs=5000),
    "workers": Plan("bench.footprint", (OURS, "celery_prefork"), ["--only", "workers"], rounds=3),
    "jobs": Plan("bench.footprint", (OURS,), ["--only", "jobs"], rounds=3),
    "crash": Plan("bench.latency", (OURS,), ["--crash"], rounds=3),
}
CPU, SENT = "jobs/cpu-s", "enqueues/s"
ROWS = [
    Row("jobs per CPU second against RQ's fork worker", "throughput", CPU, "rq_fork", 60),
    Row("… against RQ's SimpleWorker", "throughput", CPU, "rq_simple", 10),
    Row("… against Celery, acknowledged late", "throughput", CPU, "celery_prefork", 7),
    Row("… against dramatiq, prefetch tuned", "throughput", CPU, "dramatiq_threads", 1.4),
    Row("… against huey", "throughput", CPU, "huey_process", 1.2),
    Row("… against the floor", "throughput", CPU, "floor", 0.6),
    Row("round trips for each job", "throughput", "round trips", "", 1.05, at_least=False),
    Row("commands for each job", "throughput", "commands", "", 11, at_least=False),
    Row("jobs of 1 ms CPU per CPU second, against Celery", "burn", CPU, "celery_prefork", 1.9),
    Row("… against dramatiq", "burn", CPU, "dramatiq_threads", 1.1),
    Row("… against huey", "burn", CPU, "huey_process", 1.05),
    Row("enqueue to start, p50 (ms), against huey's", "latency", "p50 ms", "huey_process", 1, at_least=False),
    Row("… against Celery's", "latency", "p50 ms", "celery_prefork", 1 / 3, at_least=False),
    Row("… p99 against our own p50", "latency", "p99 / p50", "", 2, at_least=False),
    Row("enqueues per second, one process, against RQ", "enqueue", SENT, "rq_fork", 3.5),
    Row("… against Celery", "enqueue", SENT, "celery_prefork", 8),
    Row("… against dramatiq", "enqueue", SENT, "dramatiq_threads", 1.6),
    Row("… against huey", "enqueue", SENT, "huey_process", 1),
    Row("bulk enqueue against RQ's enqueue_many", "bulk", "jobs/s", "rq_fork", 4),
    Row("memory of a worker with four horses (MB), against Celery", "workers", "pss MB", "celery_prefork", 0.5, False),
    Row("segfault to the start of the next job (ms)", "crash", "p50 ms", "", 15, at_least=False),
    Row("server memory of a waiting job (bytes)", "jobs", "server bytes per waiting job", "", 1200, False),
]
Results = dict[str, dict[str, list[float]]]


def measure(plan: Plan, share: float) -> Results:
    """All rounds of one plan: peer -> column -> a value for each round."""
    options = {name: [*plan.options, *_size(plan, name, share)] for name in plan.names}
    return harness.in_rounds(plan.module, max(2, round(plan.rounds * share)), options)


def _size(plan: Plan, name: str, share: float) -> list[object]:
    return ["--jobs", round(plan.jobs * share) // plan.fewer.get(name, 1)] if plan.jobs else []


def line(row: Row, results: Results) -> str:
    """A row of the table."""
    ours = results[OURS][row.column]
    theirs = results[row.peer][row.column] if row.peer else []
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=False)]
    judged = statistics.median(ratios or ours)
    kept = "yes" if row.reached(judged) else "**no**"
    spread = f"{judged:.2f}x ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else ""
    peer = _shown(statistics.median(theirs)) if theirs else ""
    wanted = f"{'at least' if row.at_least else 'at most'} {row.goal:,.4g}{'x' if ratios else ''}"
    return f"| {row.title} | {_shown(statistics.median(ours))} | {peer} | {spread} | {wanted} | {kept} |"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def main() -> None:
    """Measure, and print each row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=",".join(PLANS), help="of " + ", ".join(PLANS))
    given = parser.parse_args()
    print("| measure | ours | theirs | ratio (of the rounds) | goal | reached |\n|---|---|---|---|---|---|", flush=True)
    for name in given.only.split(","):
        try:
            results = measure(PLANS[name], 0.6 if given.quick else 1.0)
        except RuntimeError as error:  # the other figures are worth having
            print(f"| {name} | {error} | | | | |", flush=True)
            continue
        for row in ROWS:
            if row.plan == name:
                print(line(row, results), flush=True)


if __name__ == "__main__":
    main()
