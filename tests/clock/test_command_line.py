"""`bin/jobs schedules`: the same acts from a terminal."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis

from cli.schedules import schedules as command
from jobs import schedules

from .conftest import HandClock, queued, schedule


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(command, words, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(autouse=True)
def declared(clock: HandClock) -> None:
    clock.synchronise(schedule("nightly", cron="0 3 * * *", timezone="Europe/Berlin", description="Tidy up."))


def test_the_list_shows_rule_and_state(redis: Redis) -> None:
    assert "nightly" in said("list")
    assert "nightly: at 03:00 every day, Europe/Berlin time. Tidy up." in said("show", "nightly")


def test_pause_resume_run_and_backfill_act_on_redis(redis: Redis) -> None:
    said("pause", "nightly", "--note", "holiday")
    assert schedules.get_schedule("nightly").note == "holiday"
    assert "paused: holiday" in said("show", "nightly")
    said("resume", "nightly")
    job_id = said("run", "nightly", "--key", "k").strip()
    assert said("run", "nightly", "--key", "k").strip() == job_id
    assert queued(redis) == [job_id]
    assert said("backfill", "nightly", "--from", "2026-01-01", "--to", "2026-01-03").startswith("Begun: 2 ticks")
    said("end-backfill", "nightly")


def test_schedules_are_made_changed_and_removed(redis: Redis, tmp_path: Path) -> None:
    definition = tmp_path / "hourly.json"
    definition.write_text('{"id": "hourly", "task": "clock.work", "every": 3600}')
    assert said("create", str(definition)).startswith("Created hourly")
    assert "hourly is at revision 2: every 2 hours" in said("edit", "hourly", '{"every": 7200}')
    assert said("remove", "hourly").startswith("Removed hourly")


def test_a_preview_says_words_and_dates() -> None:
    assert "at 17:00 on Monday through Friday, Asia/Tokyo time" in said(
        "preview", "0", "17", "*", "*", "mon-fri", "--timezone", "Asia/Tokyo"
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["remove", "nightly"], "is declared in the code"),
        (["pause", "nothing"], "no schedule has the id 'nothing'"),
        (["edit", "nightly", "[]"], "a JSON object is needed"),
        (["preview", "99", "*", "*", "*", "*"], "bad minute"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(words: list[str], reason: str) -> None:
    assert reason in said(*words, code=1)


def test_the_status_fails_when_nobody_leads(clock: HandClock) -> None:
    assert "Leader: a clock" in said("status")
    clock.lease.drop()
    assert "Leader: none" in said("status", code=1)
