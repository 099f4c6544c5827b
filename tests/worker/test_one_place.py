"""Whatever happens, every accepted job is in exactly one place, and that is the one its status names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pydantic_core import to_json
from redis import Redis

from jobs import connection, control, keys, recovery, stats
from jobs.claims import Claims, Settled, State
from jobs.dispatch import JobRequest, submit, submit_many
from jobs.errors import JobConflict, JobMissing
from jobs.priorities import PRIORITIES, RANKED, Priority, arranged, name_of
from jobs.registry import task_of
from jobs.retention import Retention
from jobs.running import AttemptError, Discarded, Failed, Finished, Quarantined, Retrying, Snoozed
from jobs.settings import current_settings
from jobs.verbs import Canceled, Claim, Ended, Ending, Interrupted, Stopped, Then, ended
from tests.worker import sample_tasks as sample

pytestmark = pytest.mark.server

TASK = task_of(sample.add).name
QUEUES = ("high", "default")
RANKED_LISTS = [name_of(queue, priority) for queue in QUEUES for priority in RANKED]
ERROR = AttemptError("ValueError", "no", "ValueError: no")
ENDINGS: list[Ending] = [
    Finished(b"1"),
    Failed(ERROR),
    Discarded(ERROR),
    Retrying(0.0, ERROR),
    Retrying(60.0, ERROR),
    Snoozed(60.0),
    Quarantined("unknown"),
    Interrupted("deploy"),
    Stopped("by hand"),
    Canceled("by hand"),
]
OUTCOMES: dict[type[Ending], str] = {
    Finished: "finished",
    Failed: "failed",
    Discarded: "discarded",
    Retrying: "retrying",
    Snoozed: "snoozed",
    Quarantined: "quarantined",
    Interrupted: "interrupted",
    Stopped: "canceled",
    Canceled: "canceled",
}
REGISTRY = {"started": "wip", "scheduled": "scheduled", "finished": "finished", "failed": "failed"} | {
    "stopped": "failed",
    "canceled": "canceled",
}

NUMBER = st.integers(0, 3)
MORE = st.none() | st.integers(0, 3)  # how many jobs to prefetch; None takes none at all
WAITING = [["scheduled"], ["prefetched"], *([priority] for priority in PRIORITIES)]


@dataclass(frozen=True)
class Sent:
    """A settling call as it was sent."""

    attempts: tuple[Ended, ...]
    queues: tuple[str, ...]
    then: Then


@dataclass(frozen=True)
class Batch:
    """Jobs that were prefetched together."""

    name: str
    claims: tuple[Claim, ...]


class Places(RuleBasedStateMachine):
    """Random operations by several horses, supervisors and people."""

    jobs = Bundle("jobs")
    running = Bundle("running")
    sent = Bundle("sent")

    @initialize()
    def begin(self) -> None:
        self.redis = connection.client()
        self.redis.flushall()
        self.horses = _horses(self.redis)
        self.accepted: set[str] = set()
        self.deleted: set[str] = set()
        self.damaged: set[str] = set()
        self.handed_over: list[Claim] = []
        self.batches: list[Batch] = []
        self.applied: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self.asked: set[str] = set()  # jobs that run and are to be canceled
        stats.roll_up(self.redis)
        self.enqueue_many(8)

    @rule(
        target=jobs, queue=st.sampled_from(QUEUES), delayed=st.booleans(), priority=st.sampled_from([None, *PRIORITIES])
    )
    def enqueue(self, queue: str, delayed: bool, priority: Priority | None) -> str:
        when = _later() if delayed else None
        job = submit(JobRequest(task=TASK, args={"a": 1, "b": 2}, queue=queue, run_at=when, priority=priority))
        self.accepted.add(job.id)
        return job.id

    @rule(number=st.integers(1, 12))
    def enqueue_many(self, number: int) -> None:
        many = submit_many(JobRequest(task=TASK, args={"a": n, "b": 0}) for n in range(number))
        self.accepted |= {job.id for job in many}

    @rule(target=running, horse=st.integers(0, 2), again=st.booleans(), turn=st.integers(0, 15))
    def claim(self, horse: int, again: bool, turn: int) -> object:
        lists = arranged(QUEUES, RANKED_LISTS, turn)
        claims = self.horses[horse]
        execution = claims.new_execution()
        found = claims.claim(lists, execution, 1.0)
        if again:  # as after a lost reply
            repeated = claims.claim(lists, execution, 1.0)
            assert found is None or (repeated is not None and repeated.job_id == found.job_id)
            found = repeated
        return multiple() if found is None else found

    @rule(target=sent, claim=running, ending=st.sampled_from(ENDINGS), more=MORE, again=st.booleans())
    def settle(self, claim: Claim, ending: Ending, more: int | None, again: bool) -> Sent:
        return self._settle([ended(claim, ending, 2.0, 1)], more, again=again)

    @precondition(lambda self: self.batches)
    @rule(target=sent, number=NUMBER, finished=NUMBER, ending=st.sampled_from(ENDINGS), more=MORE, again=st.booleans())
    def settle_batch(self, number: int, finished: int, ending: Ending, more: int | None, again: bool) -> Sent:
        """The first jobs of a batch have finished, another one has ended; the rest was not begun."""
        batch = self.batches[number % len(self.batches)]
        *before, last = batch.claims[: finished + 1]
        attempts = [*(ended(claim, Finished(b"1"), 2.0, 1) for claim in before), ended(last, ending, 2.0, 1)]
        return self._settle(attempts, more, batch=batch.name, again=again)

    @precondition(lambda self: self.batches)
    @rule(number=NUMBER, finished=NUMBER, runs=st.booleans())
    def take_over(self, number: int, finished: int, runs: bool) -> None:
        """The supervisor settles what was finished, and gives back what was not begun."""
        batch = self.batches[number % len(self.batches)]
        done = [ended(claim, Finished(b"1"), 2.0, 1) for claim in batch.claims[:finished]]
        held = recovery.Held(batch.name, [to_json(one.args) for one in done])
        if runs and len(batch.claims) > finished:
            claim = batch.claims[finished]
            held = replace(held, running=claim.job_id, execution=claim.execution)
        before = self._finished()
        recovery.take_over(self.redis, held, "horse-0")
        self._note_canceled()
        for one in done:
            if one.claim.job_id in self._finished() - before:
                self._count_ending(one.claim, one.ending)

    @precondition(lambda self: self.batches)
    @rule(number=NUMBER)
    def lose_the_batch(self, number: int) -> None:
        self.redis.zadd("ns:prefetched", {self.batches[number % len(self.batches)].name: 1}, xx=True)

    def _settle(self, attempts: list[Ended], more: int | None, *, batch: str = "", again: bool) -> Sent:
        lists = () if more is None else tuple(arranged(QUEUES, RANKED_LISTS, 15))
        horse = self.horses[0]
        sent = Sent(tuple(attempts), lists, Then(horse.new_execution(), more or 0, batch))
        settled = self._send(sent)
        for attempt, state in zip(attempts, settled.states, strict=True):
            if state is State.OWNED:
                self._count_ending(attempt.claim, attempt.ending)
        self._note_canceled()
        if again and State.OWNED in settled.states:
            settled = self._again(sent, settled)
        if settled.next:
            self.handed_over.append(settled.next)
        if horse.batch:
            self.batches.append(Batch(horse.batch, tuple(_begun(horse))))
        return sent

    def _note_canceled(self) -> None:
        """Those that were held, and were to be canceled, have ended when their batch was given back."""
        for job_id in [job_id for job_id in self.asked if self.redis.hget(keys.job(job_id), "status") == b"canceled"]:
            self.counted["canceled"] += 1
            self.asked.discard(job_id)

    def _again(self, sent: Sent, settled: Settled) -> Settled:
        """The reply was lost, and the call is sent once more."""
        repeated = self._send(sent)
        assert State.OWNED not in repeated.states
        if settled.next:
            assert repeated.next
            assert repeated.next.job_id == settled.next.job_id
        return repeated

    def _count_ending(self, claim: Claim, ending: Ending) -> None:
        self.applied[claim.execution] += 1
        assert self.applied[claim.execution] == 1
        asked = claim.job_id in self.asked and not isinstance(ending, Finished)
        self.counted["canceled" if asked else OUTCOMES[type(ending)]] += 1
        self.asked.discard(claim.job_id)

    def _finished(self) -> set[str]:
        return {job_id for job_id, places in _places(self.redis).items() if "finished" in places}

    @rule(target=running)
    def go_on(self) -> object:
        """A job that was claimed in the call that settled another one."""
        return self.handed_over.pop() if self.handed_over else multiple()

    @rule(sent=consumes(sent))
    def settle_again(self, sent: Sent) -> None:
        """A call that was on its way for long; what it would start is nobody's, and comes back by the reaper."""
        assert State.OWNED not in self._send(replace(sent, queues=())).states

    def _send(self, sent: Sent) -> Settled:
        return self.horses[0].settle_all(sent.attempts, sent.queues, at=2.0, then=sent.then)

    @rule(claim=running)
    def crash(self, claim: Claim) -> None:
        found = recovery.crashed(self.redis, claim.queue, claim.job_id, claim.execution, reason="killed")
        self._count(found)

    @rule(claim=running)
    def lose_the_lease(self, claim: Claim) -> None:
        wip = keys.registry("wip", claim.queue)
        self.redis.zadd(wip, {f"{claim.job_id}:{claim.execution}": 1}, xx=True)

    @rule()
    def reap(self) -> None:
        for found in recovery.Reaper(self.redis).run(0.0):
            self._count(found)
        self._note_canceled()

    def _count(self, reaped: recovery.Reaped | None) -> None:
        if reaped:
            assert (reaped.fate == "canceled") == (reaped.job_id in self.asked)
            self.counted["canceled" if reaped.fate == "canceled" else "crashed"] += 1
            self.asked.discard(reaped.job_id)

    @rule(due=st.booleans())
    def promote(self, due: bool) -> None:
        for queue in QUEUES if due else ():
            scheduled = keys.registry("scheduled", queue)
            for member in cast("list[bytes]", self.redis.zrange(scheduled, 0, 0)):
                self.redis.zadd(scheduled, {member.decode(): 1})
        recovery.promote(self.redis)

    @rule(job=jobs, verb=st.sampled_from([control.cancel, control.requeue]))
    def change(self, job: str, verb: Callable[[str], None]) -> None:
        try:
            before = self.redis.hget(keys.job(job), "status")
            held = "prefetched" in _places(self.redis).get(job, [])
            verb(job)
            if verb is control.cancel and (held or before == b"started"):
                self.asked.add(job)
            elif verb is control.cancel and before != b"canceled":
                self.asked.discard(job)
                self.counted["canceled"] += 1
        except (JobConflict, JobMissing):
            pass

    @rule(job=jobs)
    def delete(self, job: str) -> None:
        try:
            control.delete(job)
            self.deleted.add(job)
        except (JobConflict, JobMissing):
            pass

    @rule(job=jobs)
    def damage(self, job: str) -> None:
        """While it waits: what finds it next puts it into quarantine."""
        if self.redis.hget(keys.job(job), "status") in (b"queued", b"scheduled"):
            self.redis.hset(keys.job(job), "status", "rubbish")
            self.damaged.add(job)

    @rule()
    def sweep_and_tidy(self) -> None:
        assert recovery.sweep(self.redis) == []
        recovery.tidy(self.redis)
        stats.roll_up(self.redis)
        assert Retention(self.redis, current_settings()).drop_jobs() == 0

    @invariant()
    def every_job_is_in_the_one_place_that_its_status_names(self) -> None:
        if not hasattr(self, "redis"):
            return
        places, aside = _places(self.redis), cast("set[bytes]", set(self.redis.hkeys(keys.QUARANTINE)))
        for job_id in self.damaged - self.deleted:
            # The sweep looks at records; an id that stays behind in a list is dropped when it is met there.
            found = places.pop(job_id, [])
            assert found in [[], *WAITING] if job_id.encode() in aside else len(found) == 1, job_id
        expected = _named(self.redis, self.accepted - self.deleted - self.damaged)
        for job_id, place in expected.items():
            if place in PRIORITIES and places.get(job_id) == ["prefetched"]:  # its record says that it is queued
                places[job_id] = [place]
        assert places == {job_id: [place] for job_id, place in expected.items()}

    @invariant()
    def every_ending_is_counted_once(self) -> None:
        if hasattr(self, "redis"):
            found: Counter[str] = Counter()
            for (_, _, outcome), number in stats.totals().outcomes.items():
                found[outcome] += number
            assert found == +self.counted

    @invariant()
    def the_ledger_has_every_job(self) -> None:
        if hasattr(self, "redis"):
            ledger = cast("list[bytes]", self.redis.zrange(keys.JOBS, 0, -1))
            assert {job_id.decode() for job_id in ledger} - self.damaged == self.accepted - self.deleted - self.damaged


@cache
def _horses(redis: Redis) -> list[Claims]:
    """The same in every example: each holds a connection."""
    return [Claims(redis, f"horse-{number}") for number in range(3)]


def _begun(horse: Claims) -> Iterator[Claim]:
    """All that the horse has prefetched, as if it ran it."""
    while horse.next_task:
        yield horse.begin(1.5)


def _later() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=60)


def _places(redis: Redis) -> dict[str, list[str]]:
    """Where each id is found."""
    kinds = ("wip", "scheduled", "finished", "failed", "canceled")
    with redis.pipeline() as pipe:
        for queue in QUEUES:
            for priority in PRIORITIES:
                pipe.lrange(keys.queue(name_of(queue, priority)), 0, -1)
            for kind in kinds:
                pipe.zrange(keys.registry(kind, queue), 0, -1)
        replies = pipe.execute()
    found: dict[str, list[str]] = {}
    for batch in cast("list[bytes]", redis.zrange("ns:prefetched", 0, -1)):
        for member in cast("list[bytes]", redis.lrange(b"ns:prefetched:" + batch, 0, -1)):
            found.setdefault(member.decode(), []).append("prefetched")
    for place, members in zip([*PRIORITIES, *kinds] * len(QUEUES), replies, strict=True):
        for member in members:
            found.setdefault(member.decode().partition(":")[0], []).append(place)
    return found


def _named(redis: Redis, job_ids: set[str]) -> dict[str, str]:
    """The place that each record names."""
    with redis.pipeline() as pipe:
        for job_id in job_ids:
            pipe.hmget(keys.job(job_id), "status", "priority")
        replies = pipe.execute()
    named = {}
    for job_id, (status, priority) in zip(job_ids, replies, strict=True):
        assert status, job_id
        waiting = status == b"queued"
        named[job_id] = (priority or b"normal").decode() if waiting else REGISTRY[status.decode()]
    return named


def test_every_job_is_in_exactly_one_place(redis: Redis) -> None:
    run_state_machine_as_test(
        Places,
        settings=settings(
            max_examples=120,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
