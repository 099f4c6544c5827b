"""Deploys: what the code declares comes into force, and nothing else is lost."""

from collections.abc import Callable

import pytest
from redis import Redis

from jobs import schedules
from jobs.schedules import keys
from jobs.schedules.syncing import release_order
from jobs.settings import Settings

from .conftest import HandClock, schedule, stored

Rewind = Callable[..., int]


def test_a_restart_changes_nothing(clock: HandClock, redis: Redis) -> None:
    assert clock.synchronise(schedule("one"), schedule("two")).saved == ("one", "two")
    before = {name: redis.hgetall(keys.schedule(name)) for name in ("one", "two")}
    assert clock.synchronise(schedule("one"), schedule("two")).saved == ()
    assert {name: redis.hgetall(keys.schedule(name)) for name in ("one", "two")} == before


def test_a_changed_declaration_keeps_the_cursor(clock: HandClock, redis: Redis) -> None:
    clock.synchronise(schedule())
    cursor = stored(redis).cursor
    assert clock.synchronise(schedule(args={"number": 3})).saved == ("work",)
    assert (stored(redis).cursor, stored(redis).definition.args) == (cursor, {"number": 3})


def test_the_outgoing_release_cannot_undo_the_incoming_one(clock: HandClock, redis: Redis, settings: Settings) -> None:
    clock.synchronise(schedule(args={"number": 42}), release="v42")
    outgoing = HandClock(redis, settings, "the old one")
    report = outgoing.synchronise(schedule(args={"number": 41}), schedule("old"), release="v41")
    assert report.outdated
    assert stored(redis).definition.args == {"number": 42}
    assert [view.id for view in schedules.list_schedules()] == ["work"]


def test_what_vanished_from_the_code_is_disabled_and_shown_so(clock: HandClock, redis: Redis, rewind: Rewind) -> None:
    clock.synchronise(schedule("stays"), schedule("goes"))
    assert clock.synchronise(schedule("stays")).retired == ("goes",)
    rewind(60, "goes")
    assert clock.outcomes() == []
    view = schedules.get_schedule("goes")
    assert (view.retired, view.next_ticks) == (True, ())
    assert schedules.history("goes")[0].kind == "retired"


def test_what_comes_back_to_the_code_runs_from_then_on(clock: HandClock, redis: Redis, rewind: Rewind) -> None:
    clock.synchronise(schedule())
    clock.synchronise()
    rewind(600)
    clock.synchronise(schedule())
    assert clock.decide() == []
    assert not stored(redis).retired
    assert redis.zscore(keys.DUE, "work") is not None


def test_a_change_by_hand_lasts_until_the_declaration_changes(clock: HandClock, redis: Redis) -> None:
    clock.synchronise(schedule())
    schedules.edit("work", {"args": {"number": 8}}, actor="ada")
    clock.synchronise(schedule())
    assert stored(redis).definition.args == {"number": 8}
    clock.synchronise(schedule(queue="low"))
    assert stored(redis).definition.args == {}


def test_schedules_made_at_run_time_survive_deploys(clock: HandClock, redis: Redis) -> None:
    schedules.create({"id": "mine", "task": "clock.work", "every": 60}, actor="ada")
    assert clock.synchronise(schedule()).retired == ()
    assert schedules.get_schedule("mine").next_ticks


def test_a_wrong_declaration_leaves_what_was_in_force_and_is_told(clock: HandClock, redis: Redis) -> None:
    clock.synchronise(schedule())
    clock.synchronise(schedule("other"), problems={"work": "schedule 'work': bad minute"})
    view = schedules.get_schedule("work")
    assert (view.retired, view.problem) == (False, "schedule 'work': bad minute")
    assert schedules.clock_status().problems == {"work": "schedule 'work': bad minute"}


def test_a_schedule_without_a_zone_gets_that_of_the_settings(clock: HandClock, redis: Redis) -> None:
    clock.settings = clock.settings.model_copy(update={"timezone": "Asia/Tokyo"})
    clock.synchronise(schedule("here"), schedule("there", timezone="UTC"))
    assert stored(redis, "here").definition.timezone == "Asia/Tokyo"
    assert stored(redis, "there").definition.timezone == "UTC"


def test_once_in_the_past_is_missed(clock: HandClock, redis: Redis) -> None:
    clock.synchronise(schedule(at="2020-01-01T00:00:00Z"))
    assert redis.zcard(keys.DUE) == 0
    [entry] = schedules.history("work")
    assert (entry.outcome, entry.reason) == ("missed", "it was past when it was declared")


@pytest.mark.parametrize(
    ("older", "newer"), [("v9", "v10"), ("41", "42"), ("2026.9.30", "2026.11.3"), ("v1.2", "v1.10")]
)
def test_numbered_releases_are_in_order(older: str, newer: str) -> None:
    assert "" < release_order(older) < release_order(newer)


def test_a_release_that_is_no_number_has_no_order() -> None:
    assert release_order("dev") == release_order("3f2a9bc") == ""
