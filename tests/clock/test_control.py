"""What a person does to a schedule, through Redis alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from jobs import audit, monitor, schedules
from jobs.errors import ScheduleConflict, ScheduleDefinitionError, ScheduleMissing
from jobs.schedules import keys

from .conftest import HandClock, end, queued, schedule, stored

Rewind = Callable[..., int]
EVERY_MINUTE = {"id": "work", "task": "clock.work", "every": 60}


def acts() -> list[tuple[str, str, str]]:
    return [(entry.actor, entry.action, entry.subject) for entry in reversed(audit.entries())]


def entries(name: str = "work") -> list[tuple[str, str, str]]:
    return [(entry.kind, entry.outcome, entry.reason) for entry in reversed(schedules.history(name, 100))]


class TestDefinitions:
    """Create, edit, remove."""

    def test_a_schedule_made_at_run_time_is_decided_like_any_other(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        view = schedules.create({**EVERY_MINUTE, "timezone": "Europe/Berlin"}, actor="ada")
        assert (view.source, view.kind, view.words, view.revision) == ("runtime", "every", "every minute", 1)
        assert len(view.next_ticks) == 6
        rewind(60)
        assert clock.outcomes() == ["enqueued"]
        assert acts() == [("ada", "schedule.create", "work")]

    def test_a_wrong_one_is_refused_with_its_name_and_reason(self, redis: Redis) -> None:
        with pytest.raises(ScheduleDefinitionError, match="schedule 'work': crontab '99 \\* \\* \\* \\*': bad minute"):
            schedules.create({"id": "work", "task": "clock.work", "cron": "99 * * * *"}, actor="ada")
        assert schedules.list_schedules() == []

    def test_one_that_would_never_fire_is_refused(self, redis: Redis) -> None:
        with pytest.raises(ScheduleDefinitionError, match="never fires"):
            schedules.create({"id": "work", "task": "clock.work", "at": "2020-01-01T00:00:00Z"}, actor="ada")

    def test_an_id_is_taken_once(self, redis: Redis) -> None:
        schedules.create(EVERY_MINUTE, actor="ada")
        with pytest.raises(ScheduleConflict, match="already"):
            schedules.create(EVERY_MINUTE, actor="bob")

    def test_an_edit_of_the_arguments_keeps_cursor_and_pause(self, clock: HandClock, redis: Redis) -> None:
        schedules.create(EVERY_MINUTE, actor="ada")
        schedules.pause("work", note="holiday", actor="ada")
        before = stored(redis)
        view = schedules.edit("work", {"args": {"number": 5}}, actor="bob")
        assert (view.args, view.paused, view.note, view.revision) == ({"number": 5}, True, "holiday", 2)
        assert (stored(redis).cursor, stored(redis).since) == (before.cursor, before.since)

    def test_a_new_rule_holds_from_now_on_and_the_old_one_is_settled(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        schedules.create(EVERY_MINUTE, actor="ada")
        rewind(60)
        view = schedules.edit("work", {"cron": "0 0 * * *"}, actor="bob")
        assert view.spec == "0 0 * * *"
        assert [kind for kind, *_ in entries()] == ["tick"]
        assert clock.decider.due() == []
        assert stored(redis).since > stored(redis).cursor

    def test_a_new_rule_during_a_pause_tells_what_the_old_one_left(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        schedules.create(EVERY_MINUTE, actor="ada")
        schedules.pause("work", note="", actor="ada")
        rewind(180)
        schedules.edit("work", {"every": 3600}, actor="ada")
        assert entries()[-1] == ("missed", "missed", "kept back when the rule was changed")

    def test_an_edit_of_an_old_revision_is_refused(self, redis: Redis) -> None:
        schedules.create(EVERY_MINUTE, actor="ada")
        schedules.edit("work", {"description": "new"}, actor="ada", revision=1)
        with pytest.raises(ScheduleConflict, match="it is at 2"):
            schedules.edit("work", {"description": "newer"}, actor="bob", revision=1)

    def test_a_removed_schedule_is_gone_but_its_history_is_kept(self, clock: HandClock, redis: Redis) -> None:
        schedules.create(EVERY_MINUTE, actor="ada")
        schedules.remove("work", actor="bob")
        assert schedules.list_schedules() == []
        assert redis.zcard(keys.DUE) == 0
        assert entries() == [("removed", "", "")]
        with pytest.raises(ScheduleMissing):
            schedules.remove("work", actor="bob")

    def test_what_the_code_declares_can_be_disabled_but_not_removed(self, clock: HandClock, redis: Redis) -> None:
        clock.synchronise(schedule())
        with pytest.raises(ScheduleConflict, match="declared in the code"):
            schedules.remove("work", actor="ada")
        assert not schedules.edit("work", {"enabled": False}, actor="ada").enabled
        assert redis.zcard(keys.DUE) == 0

    def test_a_preview_says_words_and_dates_and_saves_nothing(self, redis: Redis) -> None:
        seen = schedules.preview({"cron": "0 17 * * mon-fri", "timezone": "Europe/Berlin"})
        assert seen.words == "at 17:00 on Monday through Friday, Europe/Berlin time"
        assert {tick.hour for tick in seen.ticks} == {17}
        assert redis.keys("*") == []


class TestPause:
    """Pause, resume, and the pause that comes by itself."""

    def test_a_paused_schedule_decides_nothing_and_shows_its_note(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        clock.synchronise(schedule())
        schedules.pause("work", note="until the import is repaired", actor="ada")
        rewind(300)
        assert clock.decide() == []
        view = schedules.get_schedule("work")
        assert (view.paused, view.note, view.next_ticks) == (True, "until the import is repaired", ())

    def test_resume_without_catch_up_records_what_was_kept_back(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        clock.synchronise(schedule())
        schedules.pause("work", note="", actor="ada")
        rewind(300)
        schedules.resume("work", actor="ada")
        assert clock.decide() == []
        [entry] = [entry for entry in schedules.history("work") if entry.kind == "missed"]
        assert (entry.count, entry.reason, entry.by) == (5, "kept back by a pause", "ada")

    def test_resume_with_catch_up_follows_the_policy(self, clock: HandClock, redis: Redis, rewind: Rewind) -> None:
        clock.synchronise(schedule(catchup="all", overlap="allow"))
        schedules.pause("work", note="", actor="ada")
        rewind(300)
        schedules.resume("work", actor="ada", catch_up=True)
        assert clock.outcomes() == ["enqueued"] * 5

    def test_a_pause_survives_a_deploy_that_changes_the_schedule(self, clock: HandClock, redis: Redis) -> None:
        clock.synchronise(schedule())
        schedules.pause("work", note="stay", actor="ada")
        clock.synchronise(schedule(every=30.0))
        assert (stored(redis).paused, stored(redis).note) == (True, "stay")
        assert redis.zcard(keys.DUE) == 0

    def test_failures_in_a_row_pause_it(self, clock: HandClock, redis: Redis, rewind: Rewind) -> None:
        clock.synchronise(schedule(pause_after=2))
        for status in ("failed", "finished", "failed", "failed"):
            schedules.run_now("work", actor="ada")
            end(redis, stored(redis).last_job or "", status)
            clock.settler.settle()
        view = schedules.get_schedule("work")
        assert (view.paused, view.note) == (True, "paused after 2 failures in a row")
        assert ("clock", "schedule.pause", "work") in acts()
        schedules.resume("work", actor="ada")
        assert schedules.get_schedule("work").failures == 0


class TestRunNow:
    """One job besides the ticks."""

    def test_the_same_key_is_one_job(self, clock: HandClock, redis: Redis) -> None:
        clock.synchronise(schedule())
        first, again = (schedules.run_now("work", actor="ada", key="a click") for _ in range(2))
        assert first == again
        assert redis.llen("rq:queue:default") == 1
        assert monitor.get_job(first).schedule == "work"
        assert stored(redis).cursor == stored(redis).since

    def test_it_is_refused_while_the_last_job_is_active(self, clock: HandClock, redis: Redis) -> None:
        clock.synchronise(schedule())
        first = schedules.run_now("work", actor="ada")
        with pytest.raises(ScheduleConflict, match=first):
            schedules.run_now("work", actor="ada")

    def test_a_paused_schedule_can_be_run_by_hand(self, clock: HandClock, redis: Redis) -> None:
        clock.synchronise(schedule())
        schedules.pause("work", note="", actor="ada")
        schedules.run_now("work", actor="ada")
        assert entries()[-1] == ("tick", "enqueued", "run by hand")

    def test_a_schedule_that_does_not_exist_cannot(self, redis: Redis) -> None:
        with pytest.raises(ScheduleMissing, match="'nothing'"):
            schedules.run_now("nothing", actor="ada")


class TestBackfill:
    """Ticks of the past, once more."""

    def test_each_tick_of_the_range_is_enqueued_at_the_rate(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        clock.synchronise(schedule(overlap="allow"))
        decided = datetime.fromtimestamp(stored(redis).cursor / 1000, UTC)
        started = decided - timedelta(minutes=10) + timedelta(milliseconds=1)
        assert schedules.backfill("work", started, decided + timedelta(days=1), actor="ada", per_minute=6000) == 10
        view = schedules.get_schedule("work").backfill
        assert view is not None
        assert view.enqueued == 0
        for _ in range(11):
            redis.zadd(keys.BACKFILLS, {"work": 0}, xx=True)
            clock.settler.backfill()
        ids = queued(redis)
        assert len(ids) == len(set(ids)) == 10
        assert schedules.get_schedule("work").backfill is None
        assert entries()[-1][0] == "backfilled"

    def test_each_waits_for_the_one_before_unless_overlap_is_allowed(self, clock: HandClock, redis: Redis) -> None:
        clock.synchronise(schedule())
        now = datetime.now(UTC)
        schedules.backfill("work", now - timedelta(minutes=3), now, actor="ada", per_minute=6000)
        clock.settler.backfill()
        redis.zadd(keys.BACKFILLS, {"work": 0}, xx=True)
        clock.settler.backfill()
        assert redis.llen("rq:queue:default") == 1
        end(redis, stored(redis).last_job or "")
        redis.zadd(keys.BACKFILLS, {"work": 0}, xx=True)
        clock.settler.backfill()
        assert redis.llen("rq:queue:default") == 1

    def test_a_tick_whose_job_is_still_stored_is_passed_over(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        clock.synchronise(schedule(overlap="allow", catchup="all"))
        rewind(180)
        clock.decide()
        now = datetime.now(UTC)
        schedules.backfill("work", now - timedelta(minutes=3), now, actor="ada", per_minute=6000)
        for _ in range(4):
            redis.zadd(keys.BACKFILLS, {"work": 0}, xx=True)
            clock.settler.backfill()
        assert redis.llen("rq:queue:default") == 3

    def test_there_is_one_at_a_time_and_it_can_be_ended(self, clock: HandClock, redis: Redis) -> None:
        clock.synchronise(schedule())
        now = datetime.now(UTC)
        schedules.backfill("work", now - timedelta(minutes=3), now, actor="ada")
        with pytest.raises(ScheduleConflict, match="under way"):
            schedules.backfill("work", now - timedelta(minutes=3), now, actor="ada")
        schedules.end_backfill("work", actor="ada")
        assert schedules.get_schedule("work").backfill is None


class TestHistory:
    """What became of each tick."""

    def test_each_tick_shows_how_its_job_ended(self, clock: HandClock, redis: Redis, rewind: Rewind) -> None:
        clock.synchronise(schedule(overlap="allow", catchup="all"))
        rewind(180)
        clock.decide()
        first, second, _ = queued(redis)
        end(redis, first, "failed")
        end(redis, second, "finished")
        clock.settler.settle()
        redis.delete(f"rq:job:{first}", f"rq:job:{second}")
        seen = [(entry.outcome, entry.job_outcome) for entry in reversed(schedules.history("work"))]
        assert seen == [("enqueued", "failed"), ("enqueued", "finished"), ("enqueued", "queued")]
        assert redis.zcard(keys.OPEN) == 1

    def test_a_job_whose_record_has_expired_is_unknown_and_forgotten(
        self, clock: HandClock, redis: Redis, rewind: Rewind
    ) -> None:
        clock.synchronise(schedule())
        rewind(60)
        clock.decide()
        redis.delete(f"rq:job:{stored(redis).last_job}")
        clock.settler.settle()
        assert schedules.history("work")[0].job_outcome == "unknown"
        assert redis.zcard(keys.OPEN) == 0


class TestClockStatus:
    """A dead clock cannot speak, so Redis must."""

    def test_it_tells_the_leader_and_the_standbys(self, clock: HandClock, standby: HandClock) -> None:
        status = schedules.clock_status()
        assert (status.leader, sorted(status.clocks)) == ("a clock", ["a clock", "a standby"])
        assert status.ok
        assert status.lease_age is not None

    def test_ticks_that_nobody_decides_are_overdue(self, clock: HandClock, redis: Redis, rewind: Rewind) -> None:
        clock.synchronise(schedule())
        rewind(90)
        status = schedules.clock_status()
        assert not status.ok
        assert status.overdue == 1
        assert status.worst > 5

    def test_without_a_clock_it_is_not_well(self, clock: HandClock, redis: Redis) -> None:
        clock.lease.drop()
        assert schedules.clock_status().leader is None
        assert not schedules.clock_status().ok


@pytest.mark.parametrize("rate", [5e-324, 0.0, -1.0, 6_001.0, float("inf"), float("nan")])
def test_a_backfill_has_a_rate_that_can_be_kept(clock: HandClock, rate: float) -> None:
    clock.synchronise(schedule())
    with pytest.raises(ScheduleConflict, match="6,000 ticks a minute"):
        schedules.backfill(
            "work", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), actor="x", per_minute=rate
        )


@pytest.mark.parametrize("name", ["work:history", "work:backfill", "", "work\n"])
def test_what_no_schedule_can_be_named_is_missing(clock: HandClock, name: str) -> None:
    clock.synchronise(schedule())
    acts: list[Callable[[], object]] = [
        lambda: schedules.get_schedule(name),
        lambda: schedules.pause(name, note="", actor="x"),
        lambda: schedules.run_now(name, actor="x"),
        lambda: schedules.remove(name, actor="x"),
        lambda: schedules.end_backfill(name, actor="x"),
    ]
    for act in acts:
        with pytest.raises(ScheduleMissing):
            act()
