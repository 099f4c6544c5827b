"""What a supervisor does with a batch that a horse holds for too long, whatever the horse is doing at that moment."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import cast

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from jobs import keys, monitor, recovery
from jobs.claims import Claims, Settled, State
from jobs.dispatch import enqueue
from jobs.records import Job
from jobs.running import AttemptError, Failed, Finished
from jobs.verbs import Claim, Ended, Ending, Then, ended
from tests.worker import sample_tasks as sample
from worker.handover import Handover
from worker.slots import Board, Run, Slot
from worker.team import Process, Team

pytestmark = pytest.mark.server


@dataclass(slots=True)
class Holding:
    """A horse that has finished the first job of a batch, runs the second, and has others behind it."""

    jobs: list[Job]
    claims: Claims
    slot: Slot
    handover: Handover
    process: Process
    kept: Ended
    running: Claim

    def take(self) -> None:
        """The supervisor finds that it takes too long."""
        self.handover.run(time.monotonic())

    def settle(self, ending: Ending | None = None) -> Settled:
        """The horse settles what it has."""
        attempts = [self.kept, _end(self.running, ending)]
        return self.claims.settle_all(attempts, (), at=time.time(), then=Then(batch=self.claims.batch))


def _end(claim: Claim, ending: Ending | None = None) -> Ended:
    return ended(claim, ending or Finished(b"1"), time.time(), 1)


def _run_of(claim: Claim, number: int) -> Run:
    return Run(number, time.monotonic(), 60.0, 1, claim.job_id, claim.execution, claim.queue, "sample.add")


@pytest.fixture
def holding(redis: Redis) -> Holding:
    """In the middle of a batch that was taken a second ago."""
    jobs, claims = [enqueue(sample.add, n, 0) for n in range(14)], Claims(redis, "w")
    first = claims.claim(["default"], claims.new_execution(), time.time())
    assert first
    then = Then(claims.new_execution(), 16)
    second = claims.settle_all([_end(first)], ["default"], at=time.time(), then=then).next
    assert second
    board = Board(1)
    team = Team(board, lambda _: None)
    process = Process(os.getpid(), board.slots[0], 0.0)
    team.processes.append(process)
    kept, running = _work_on(board.slots[0], claims, second)
    return Holding(jobs[1:], claims, board.slots[0], Handover(team, redis, "w"), process, kept, running)


def _work_on(slot: Slot, claims: Claims, first: Claim) -> tuple[Ended, Claim]:
    slot.hand.hold(claims.batch, time.monotonic() - 1)
    slot.begin(_run_of(first, 1))
    kept = _end(first)
    assert slot.hand.keep(kept)
    assert slot.hand.go_on()
    second = claims.begin(time.time())
    slot.begin(_run_of(second, 2))
    return kept, second


def _waiting(redis: Redis) -> list[str]:
    return [job_id.decode() for job_id in cast("list[bytes]", redis.lrange(keys.queue("default"), 0, -1))]


def test_the_run_is_written_down_and_what_is_behind_it_goes_back(redis: Redis, holding: Holding) -> None:
    holding.take()
    assert [monitor.get_job(job.id).status for job in holding.jobs[:3]] == ["finished", "started", "queued"]
    assert _waiting(redis) == [job.id for job in holding.jobs[2:]]
    assert not holding.slot.hand.go_on()
    assert holding.settle().states == [State.REPEATED, State.OWNED]


def test_a_result_that_a_horse_has_in_its_hands_stays_its_own(redis: Redis, holding: Holding) -> None:
    holding.slot.settling()  # the call that settles it is under way, or waits for the server to come back
    holding.take()
    assert _waiting(redis) == [job.id for job in holding.jobs[2:]]
    assert holding.settle().states == [State.REPEATED, State.OWNED]


def test_the_run_is_kept_alive_when_the_reply_to_that_was_lost(redis: Redis, holding: Holding) -> None:
    claim = holding.running
    recovery.give_back(redis, recovery.Held(claim.batch, (), claim.job_id, claim.execution), "w")
    holding.take()
    assert [run.execution for run in holding.handover.known([(holding.process, _run_of(claim, 2))])] == [
        claim.execution
    ]


def test_a_run_that_was_taken_from_a_stopped_process_is_found_to_be_lost(redis: Redis, holding: Holding) -> None:
    recovery.give_back(redis, recovery.Held(holding.claims.batch), "w")
    holding.take()
    assert holding.handover.known([(holding.process, _run_of(holding.running, 2))])
    assert (
        redis.zscore(keys.registry("wip", "default"), f"{holding.running.job_id}:{holding.running.execution}") is None
    )


@pytest.fixture
def deferred(redis: Redis, holding: Holding) -> RqJob:
    """A job of plain RQ that waits for the first of the batch."""
    first = RqJob.fetch(holding.jobs[0].id, connection=redis, serializer=JSONSerializer)
    queue = Queue("high", connection=redis, serializer=JSONSerializer)
    return queue.enqueue("jobs.perform", "sample.add", {"a": 3, "b": 4}, depends_on=first)


def test_what_waits_for_a_job_that_the_supervisor_settles_is_enqueued(holding: Holding, deferred: RqJob) -> None:
    assert deferred.get_status() == "deferred"
    holding.take()
    assert deferred.get_status() == "queued"


def test_what_waits_for_a_job_of_a_batch_is_known_whatever_the_last_one_came_to(
    holding: Holding, deferred: RqJob
) -> None:
    failed = Failed(AttemptError("ValueError", "no", "ValueError: no"))
    assert holding.settle(failed).awaited == [holding.jobs[0].id]


def test_what_waits_for_a_job_is_known_when_the_first_reply_was_lost(holding: Holding, deferred: RqJob) -> None:
    holding.settle()
    assert holding.settle().awaited == [holding.jobs[0].id]
