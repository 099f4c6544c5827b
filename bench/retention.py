"""How long one step of retention keeps the server from other work, with as many ended jobs as asked for.

python -m bench.retention
"""

from __future__ import annotations

import argparse
import statistics
import time

from redis import Redis

from bench import harness
from jobs import keys
from jobs.retention import BATCH
from jobs.schedules import keys as schedule_keys
from jobs.scripts import script

_AT_ONCE = 1000


def main() -> None:
    """Fill a server with expired jobs and long histories, drop them step by step, and print how long steps took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000)
    given = parser.parse_args()
    with harness.bench() as bench:
        bench.redis.config_set("slowlog-log-slower-than", 0)
        _fill(bench.redis, given.jobs)
        started = time.monotonic()
        calls = [_step(bench.redis) for _ in range(-(-given.jobs // BATCH))]
        seconds = time.monotonic() - started
        audit = _timed(bench.redis, "XTRIM", keys.AUDIT, "MAXLEN", 10_000)
        history = _timed(bench.redis, "XTRIM", schedule_keys.history("often"), "MAXLEN", 300)
    print(f"{given.jobs:,} jobs in {seconds:.1f} s, {BATCH} in a step; on the server a step takes (ms):")
    p99 = sorted(calls)[len(calls) * 99 // 100]
    print(f"median {statistics.median(calls):.2f}, p99 {p99:.2f}, worst {max(calls):.2f}")
    print(f"an audit log of {given.jobs:,} entries to 10,000: {audit:.2f}; a history of 10,000 to 300: {history:.2f}")


def _fill(redis: Redis, jobs: int) -> None:
    redis.sadd(keys.QUEUES, keys.queue("default"))
    for start in range(0, jobs, _AT_ONCE):
        with redis.pipeline(transaction=False) as pipe:
            for number in range(start, start + _AT_ONCE):
                _add(pipe, f"{number:032x}")
            pipe.execute()
    with redis.pipeline(transaction=False) as pipe:
        for _ in range(10_000):
            pipe.xadd(schedule_keys.history("often"), {"kind": "tick", "outcome": "enqueued", "by": "clock"})
        pipe.execute()


def _add(pipe: Redis, job_id: str) -> None:
    """A finished job with a result, a log, and an artifact."""
    pipe.hset(keys.job(job_id), mapping={"status": "finished", "origin": "default", "data": "x" * 300})
    pipe.xadd(keys.results(job_id), {"type": "1", "return_value": "x" * 100})
    pipe.rpush(keys.log(job_id), "x" * 100)
    pipe.hset(keys.artifacts(job_id), "result.txt", f"file_{job_id}")
    pipe.set(keys.file_bytes(f"file_{job_id}"), "x" * 100)
    pipe.zadd(keys.registry("finished", "default"), {job_id: 1})
    pipe.zadd(keys.JOBS, {job_id: 1})
    pipe.xadd(keys.AUDIT, {"actor": "bench", "action": "job.retry", "subject": job_id})


def _step(redis: Redis) -> float:
    retain = script("retain")
    redis.slowlog_reset()
    retain([keys.QUEUES], [BATCH, 60, 1, 1, 1], redis)
    return _longest(redis)


def _timed(redis: Redis, *command: object) -> float:
    redis.slowlog_reset()
    redis.execute_command(*command)  # type: ignore[no-untyped-call]
    return _longest(redis)


def _longest(redis: Redis) -> float:
    """Milliseconds of the longest command since the slow log was reset, by the server's own watch."""
    return max((entry["duration"] / 1000 for entry in redis.slowlog_get(10)), default=0.0)


if __name__ == "__main__":
    main()
