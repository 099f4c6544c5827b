"""An idle horse waits and claims in one call: what the wait may end with."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from redis import Redis
from redis.connection import UnixDomainSocketConnection

from jobs import enqueue, keys, monitor
from jobs.claims import Claims
from jobs.connection import connect
from jobs.settings import Settings
from tests.worker import sample_tasks as sample
from tests.worker.waiting import eventually
from worker.horse import Duty, Horse
from worker.slots import Board

pytestmark = pytest.mark.server


class SignaledConnection(UnixDomainSocketConnection):
    """When the horse waits, a job comes, the server starts it, and a signal arrives before the reply."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send; then, if that was the wait, do all that."""
        waits = b"BLPOP" in command[0]
        job = enqueue(sample.add, 1, 2) if waits else None
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]
        if job:
            eventually(lambda: monitor.get_job(job.id).status == "started")
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_job_that_was_claimed_when_a_signal_ended_the_wait_goes_back_at_once(
    settings: Settings, redis: Redis, restored_signals: None
) -> None:
    client = connect(settings)
    client.connection_pool.connection_class = SignaledConnection
    board = Board(1)
    Horse(Duty("tester", ["default"], burst=False), board, board.slots[0], client, settings).run()
    [job_id] = cast("list[bytes]", redis.lrange(keys.queue("default"), 0, -1))
    assert redis.zcard(keys.registry("wip", "default")) == 0
    job = monitor.get_job(job_id.decode())
    assert (job.status, job.attempt) == ("queued", 0)
    assert [entry.outcome for entry in monitor.attempts(job.id)] == ["interrupted"]
    client.close()


def test_an_attempt_does_not_start_before_its_job_is_there(redis: Redis) -> None:
    claims, asked = Claims(redis, "waiting"), datetime.now(UTC)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(claims.claim_woken, ["default"], ["default"], "one", 10)
        eventually(lambda: redis.info("clients")["blocked_clients"])
        job = enqueue(sample.add, 1, 2)
        claim = waiting.result(5)
    assert claim is not None
    assert claim.started_at >= asked.timestamp()
    assert monitor.get_job(job.id).started_at == job.enqueued_at


def test_a_job_that_left_no_token_is_found_when_the_wait_is_over(redis: Redis) -> None:
    job = enqueue(sample.add, 1, 2)
    redis.delete(keys.wake("default"))  # as a job of plain RQ
    claim = Claims(redis, "waiting").claim_woken(["default"], ["default"], "one", 0.2)
    assert claim is not None
    assert claim.job_id == job.id


def test_asking_what_a_call_has_started_starts_nothing(redis: Redis) -> None:
    first, _ = enqueue(sample.add, 1, 2), enqueue(sample.add, 3, 4)
    claims = Claims(redis, "waiting")
    assert claims.claimed(["default"], "one") is None
    claims.claim(["default"], "one", time.time())
    again = claims.claimed(["default"], "one")
    assert again is not None
    assert again.job_id == first.id
    assert redis.llen(keys.queue("default")) == 1
