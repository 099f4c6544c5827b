"""A server with very many jobs, in seconds: jobs that our own code has stored, copied by the server itself."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from redis import Redis

from bench import sample
from jobs import enqueue, keys, schedules, stats
from jobs.audit import note
from jobs.settings import current_settings
from tests.dashboard.hand import take
from tests.dashboard.past import Past

_AT_ONCE = 5_000
_SPACING = 40  # milliseconds between two jobs: a million of them reach back eleven hours

# KEYS[1]   the record of a job, KEYS[2..]  what else belongs to it: its results
# ARGV[1]   its id; ARGV[2..]  ids of the copies
_COPY = """
for _, key in ipairs(KEYS) do
  local bytes = redis.call('DUMP', key)
  if bytes then
    local head = string.sub(key, 1, #key - #ARGV[1])
    for at = 2, #ARGV do redis.call('RESTORE', head .. ARGV[at], 0, bytes) end
  end
end
"""


def fill(redis: Redis, waiting: int, dead: int) -> None:
    """So many waiting jobs and dead letters, a hundred schedules, a week of counters and a thousand audit entries."""
    _copies(redis, dead, [_dead(redis, number) for number in range(12) if dead], "failed")
    _copies(redis, waiting, [_waiting(number) for number in range(6) if waiting], "queued")
    for number in range(100):
        schedules.create(
            {"id": f"every.{number}", "task": "sample.mail", "args": {"to": "x"}, "every": 600 + number}, actor="bench"
        )
    _counters(redis)
    for number in range(1000):
        note("admin", "queue.pause", f"queue {number}", note="a reason")


def _waiting(number: int) -> str:
    return enqueue(sample.mail, f"person-{number}@example.com", subject="Your report is ready").id


def _dead(redis: Redis, number: int) -> str:
    job = enqueue(sample.thumbnail, f"photo-{number}.png", width=320)
    hand = take(redis, job.queue)
    hand.settle(sample.failure(number))
    return hand.context.id


def _copies(redis: Redis, number: int, originals: Sequence[str], status: str) -> None:
    """Copy jobs round by round, and name the copies wherever a job of this state is named."""
    copy, rest = redis.register_script(_COPY), number
    while rest > 0:
        for original in originals:
            ids = [secrets.token_hex(16) for _ in range(min(_AT_ONCE, rest))]
            if ids:
                copy(keys=[keys.job(original), keys.results(original)], args=[original, *ids])
                _name(redis, ids, status, rest)
            rest -= len(ids)


def _name(redis: Redis, ids: Sequence[str], status: str, rest: int) -> None:
    last = time.time() * 1000 - _SPACING * rest
    with redis.pipeline(transaction=False) as pipe:
        pipe.zadd(keys.JOBS, {job_id: last - _SPACING * at for at, job_id in enumerate(ids)})
        if status == "queued":
            pipe.rpush(keys.queue("default"), *ids)
        else:
            ends = time.time() + current_settings().failure_ttl
            pipe.zadd(keys.registry("failed", "default"), {job_id: ends - rest - at for at, job_id in enumerate(ids)})
        pipe.execute()


def _counters(redis: Redis) -> None:
    now = datetime.now(UTC)
    for task in ("sample.mail", "sample.thumbnail", "sample.report"):
        past = Past(redis, task)
        for minutes in (*range(120), *range(120, 7 * 24 * 60, 30)):
            for run in (0.02, 0.3, 4.0):
                past.add(now - timedelta(minutes=minutes), times=50, run=run, wait=run / 4)
            past.add(now - timedelta(minutes=minutes), "retrying", times=2)
    stats.roll_up(redis)
