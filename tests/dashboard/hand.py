"""A horse led by the hand: takes a job, waits for the test, then ends it, by the engine's own scripts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from redis import Redis

from jobs import Retry, monitor, task
from jobs.claims import Claims
from jobs.context import JobContext, RedisNotes
from jobs.priorities import names_of
from jobs.running import AttemptError, Failed, Finished, Retrying, execute
from jobs.settings import current_settings
from jobs.verbs import Claim, Ending

_TRACE = """Traceback (most recent call last):
  File "/app/tasks/greetings.py", line 12, in greet
    return deliver(name, to=address_of(name))
"""


@task(name="hand.greet", retry=Retry(max=2))
def greet(name: str, api_key: str = "", times: int = 1) -> dict[str, Any]:
    """Say hello."""
    return {"hello": name, "times": times, "key": bool(api_key)}


@task(name="hand.slow", queue="low")
def slow(steps: int) -> int:
    """Take a while."""
    return steps


@dataclass
class Hand:
    """What a job looks like while it runs: `context` is what the task itself would have."""

    claims: Claims
    claim: Claim
    context: JobContext

    def finish(self, result: bytes = b"null") -> None:
        """The task returned."""
        self.settle(Finished(result))

    def fail(self, message: str = "boom", *, retry_in: float | None = None) -> None:
        """The task raised; it is a dead letter unless it is to be retried."""
        error = AttemptError("ValueError", message, f"{_TRACE}ValueError: {message}\n")
        self.settle(Failed(error) if retry_in is None else Retrying(retry_in, error))

    def settle(self, ending: Ending) -> None:
        """It ended in this way."""
        execution = self.claims.new_execution()
        self.claims.settle(self.claim, ending, at=time.time(), peak_kb=5120, queues=[], execution=execution)


def take(redis: Redis, *queues: str) -> Hand:
    """Start the next job of these queues, or of all."""
    claims = Claims(redis, "hand.1")
    names = [name for queue in queues or current_settings().queues for name in names_of(queue)]
    claim = claims.claim(names, claims.new_execution(), time.time())
    assert claim, "no job waits"
    job = claim.job()
    return Hand(claims, claim, JobContext(job, RedisNotes(job.id, claim.execution, redis, current_settings())))


def run_next(redis: Redis, *queues: str) -> None:
    """Run the next job of these queues as a horse does."""
    hand = take(redis, *queues)
    job = hand.claim.job()
    hand.settle(execute(job.task, job.args, hand.context))


def run_all(redis: Redis) -> int:
    """Run everything that waits."""
    number = 0
    while monitor.stored("queued"):
        run_next(redis)
        number += 1
    return number
