"""Several clocks with stale reads, and people who pause, edit, run and backfill: each tick is decided once."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise, takewhile
from random import Random
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis import Redis

from jobs import schedules
from jobs.errors import ScheduleConflict
from jobs.schedules import keys
from jobs.schedules.proposing import Proposal
from jobs.schedules.rules import Every
from jobs.schedules.ticks import ticks_after
from jobs.settings import Settings

from .conftest import HandClock, end, queued, schedule, start, stored

MINUTE = 60_000
ENDINGS = st.sampled_from(["finished", "failed", "canceled"])


class Machine(RuleBasedStateMachine):
    """The time of the model begins an hour and more ago, so that the server's guard against early ticks never acts."""

    client: Redis
    settings: Settings
    held = Bundle("held")

    @initialize(
        overlap=st.sampled_from(["skip", "allow", "queue_one", "replace"]),
        catchup=st.sampled_from(["latest", "skip", "all"]),
        jitter=st.sampled_from([0.0, 20.0]),
    )
    def begin(self, overlap: str, catchup: str, jitter: float) -> None:
        self.client.flushall()
        self.clocks = [HandClock(self.client, self.settings, f"clock {number}") for number in range(3)]
        for clock in self.clocks:
            clock.lease.hold()
        self.clocks[0].synchronise(schedule(overlap=overlap, catchup=catchup, jitter=jitter, max=3))
        self.overlap = overlap
        self.now = (self.clocks[0].lease.now() // MINUTE - 300) * MINUTE + 1
        self.client.hset(keys.schedule("work"), mapping={"cursor": self.now, "since": self.now})
        self.periods: list[tuple[int, int]] = [(self.now, MINUTE)]
        self.chance = Random(0)

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now / 1000, UTC)

    @rule(minutes=st.integers(1, 4))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(target=held, number=st.integers(0, 2))
    def a_clock_reads(self, number: int) -> tuple[int, list[Proposal]]:
        return number, list(self.clocks[number].decider.propose(["work"], self.now))

    @rule(read=held)
    def a_clock_sends_what_it_read_before(self, read: tuple[int, list[Proposal]]) -> None:
        number, proposals = read
        for decision in self.clocks[number].decider.send(proposals):
            assert decision.outcome != "error", decision.detail

    @rule(number=st.integers(0, 2))
    def a_clock_decides(self, number: int) -> None:
        clock = self.clocks[number]
        clock.decider.send(list(clock.decider.propose(["work"], self.now)))

    @rule()
    def a_clock_looks_after_jobs(self) -> None:
        self.clocks[0].settler.settle()
        self.clocks[0].settler.start_waiting()

    @rule()
    def the_lease_changes_hands(self) -> None:
        self.client.delete(keys.LEASE)
        self.chance.shuffle(self.clocks)
        for clock in self.clocks:
            clock.lease.hold()

    @rule()
    def a_worker_starts_a_job(self) -> None:
        for job_id in queued(self.client)[:1]:
            start(self.client, job_id, lease=3600)

    @rule(status=ENDINGS)
    def a_job_ends(self, status: str) -> None:
        for job_id in self._active()[:1]:
            end(self.client, job_id, status)

    @rule()
    def a_person_pauses(self) -> None:
        schedules.pause("work", note="", actor="ada")

    @rule(catch_up=st.booleans())
    def a_person_resumes(self, catch_up: bool) -> None:
        schedules.resume("work", actor="ada", catch_up=catch_up, now=self.moment)

    @rule(number=st.integers(0, 9))
    def a_person_edits_the_arguments(self, number: int) -> None:
        schedules.edit("work", {"args": {"number": number}}, actor="ada", now=self.moment)

    @rule(minutes=st.sampled_from([1, 2, 3]))
    def a_person_edits_the_rule(self, minutes: int) -> None:
        schedules.edit("work", {"every": minutes * 60}, actor="ada", now=self.moment)
        if minutes * MINUTE != self.periods[-1][1]:
            self.periods.append((self.now, minutes * MINUTE))

    @rule()
    def a_person_runs_it(self) -> None:
        with suppress(ScheduleConflict):
            schedules.run_now("work", actor="ada")

    @rule(minutes=st.integers(1, 9))
    def a_person_backfills(self, minutes: int) -> None:
        start_at = datetime.fromtimestamp((self.now - minutes * MINUTE) / 1000, UTC)
        with suppress(ScheduleConflict):
            schedules.backfill("work", start_at, self.moment, actor="ada", per_minute=6000)
        self.clocks[0].settler.backfill()

    @invariant()
    def at_most_one_job_is_active_unless_overlap_is_allowed(self) -> None:
        if hasattr(self, "overlap") and self.overlap != "allow":
            assert len(self._active()) <= 1

    @invariant()
    def no_job_waits_twice(self) -> None:
        waiting = Counter(queued(self.client))
        assert not waiting or max(waiting.values()) == 1

    def teardown(self) -> None:
        """Let everything be decided; then each tick must have been, exactly once."""
        if not hasattr(self, "periods"):
            return
        schedules.resume("work", actor="ada", catch_up=True, now=self.moment)
        for _ in range(3):
            self.a_clock_decides(0)
        decided = self._decided()
        assert sorted(decided) == sorted(self._expected()), (self.periods, stored(self.client))

    def _active(self) -> list[str]:
        found = [key.decode() for key in self.client.scan_iter("rq:job:*")]
        return sorted(key[7:] for key in found if self.client.hget(key, "status") in (b"queued", b"started"))

    def _expected(self) -> list[int]:
        due, ends = stored(self.client).definition.due, [since for since, _ in self.periods[1:]] + [self.now]
        spans = zip(self.periods, ends, strict=True)
        ticks = [tick for (since, period), until in spans for tick in _ticks(period, since, until)]
        return [tick for tick in ticks if tick <= self.periods[-1][0] or due(tick) <= self.now]

    def _decided(self) -> list[int]:
        """Every tick as often as the history says that it was decided."""
        found: list[int] = []
        for entry in schedules.history("work", 1000):
            if entry.kind == "missed":
                found += self._of_range(entry)
            elif entry.kind == "tick" and entry.reason not in ("run by hand", "backfill", "after the job before it"):
                found += [] if entry.reason == "a newer tick took its place" else [_instant(entry.tick)]
        return found

    def _of_range(self, entry: Any) -> list[int]:
        first, last = _instant(entry.first), _instant(entry.tick)
        [period] = {period for since, period in self._rules_at(first, last)}
        ticks = _ticks(period, first - 1, last)
        assert entry.count == len(ticks)
        return ticks

    def _rules_at(self, first: int, last: int) -> list[tuple[int, int]]:
        bounds = [*self.periods, (self.now + 1, 0)]
        return [rule for rule, after in pairwise(bounds) if rule[0] < last and first <= after[0]][:1]


def _ticks(period: int, after: int, until: int) -> list[int]:
    return list(takewhile(lambda tick: tick <= until, ticks_after(Every(period, 0), after)))


def _instant(moment: datetime | None) -> int:
    assert moment is not None
    return round(moment.timestamp() * 1000)


@pytest.mark.server
def test_each_tick_is_decided_exactly_once_whatever_happens(redis: Redis, settings: Settings) -> None:
    class OnThisServer(Machine):
        pass

    OnThisServer.client, OnThisServer.settings = redis, settings
    run_state_machine_as_test(
        OnThisServer, settings=hypothesis_settings(max_examples=40, stateful_step_count=30, deadline=None)
    )
