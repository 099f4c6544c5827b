"""APScheduler keeps time: what clock.py adds to it."""

from datetime import UTC, datetime, timedelta

from apscheduler.executors.debug import DebugExecutor

from clock import LONGEST_WAIT, After, SteadyScheduler


def paused_scheduler(ran: list[str]) -> SteadyScheduler:
    """A scheduler with a job an hour away, whose thread a test is."""
    scheduler = SteadyScheduler(executors={"default": DebugExecutor()}, timezone=UTC)
    later = datetime.now(UTC) + timedelta(hours=1)
    scheduler.add_job(ran.append, After(lambda: 3600.0), args=["ran"], next_run_time=later, misfire_grace_time=None)
    scheduler._main_loop = lambda: None
    scheduler.start()
    return scheduler


def test_after_a_leap_of_the_systems_clock_everything_is_due() -> None:
    ran: list[str] = []
    scheduler = paused_scheduler(ran)
    scheduler._process_jobs()
    assert ran == []
    scheduler._ahead += 3600
    scheduler._process_jobs()
    assert ran == ["ran"]
    scheduler.shutdown()


def test_the_wait_is_never_longer_than_a_stop_may_take() -> None:
    scheduler = paused_scheduler([])
    assert scheduler._process_jobs() == LONGEST_WAIT
    scheduler.shutdown()


def test_a_signal_sets_a_flag_and_the_next_round_ends_it() -> None:
    scheduler = paused_scheduler([])
    scheduler.stop(15, None)
    assert scheduler.running
    scheduler._process_jobs()
    assert not scheduler.running


def test_a_job_fires_again_a_while_after_its_last_run_and_never_for_the_past() -> None:
    asked = datetime.now(UTC)
    following = After(lambda: 2.0).get_next_fire_time(asked - timedelta(days=9), asked)
    assert timedelta(seconds=2) <= following - asked < timedelta(seconds=3)
