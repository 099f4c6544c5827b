"""Nightshift: two clocks, as `scale clock=2`; run as a module it is one of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from redis import Redis

from bench.clocks import Tick, items

COPIES = 2


def command(folder: Path) -> list[str]:
    """One clock."""
    return [sys.executable, "-m", "bench.clocks.nightshift"]


def fired(redis: Redis) -> list[Tick]:
    """A job's id names its tick."""
    parts = [job_id.rpartition("-") for job_id in items(redis, "rq:queue:bench")]
    return [(name, int(tick) // 60_000) for name, _, tick in parts]


def main() -> None:
    """Declare and run. BENCH_RULE is `minute` (a crontab line) or `second` (an interval)."""
    import clock
    from jobs import cron, every
    from tasks import maintenance

    for number in range(int(os.environ["BENCH_SCHEDULES"])):
        if os.environ.get("BENCH_RULE") == "second":
            every(maintenance.check, seconds=1, name=f"s{number}", queue="bench", overlap="allow", catchup="all")
        else:
            cron(maintenance.check, "* * * * *", name=f"s{number}", queue="bench", overlap="allow", catchup="all")
    clock.main()


if __name__ == "__main__":
    main()
