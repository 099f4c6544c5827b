"""How an attempt ends decides what becomes of its job."""

from typing import Any

import pytest

from jobs import Discard, Retry, RetryLater, Snooze, dispatch, task
from jobs.context import JobContext
from jobs.dispatch import JobRequest
from jobs.inline import _Notes
from jobs.running import Discarded, Failed, Finished, Outcome, Quarantined, Retrying, Snoozed, execute
from jobs.settings import Settings


@task(name="tests.act", retry=Retry(max=2, base=2, cap=600, give_up_on=(PermissionError,)))
def act(how: str) -> Any:
    """Do as told."""
    ways = {
        "snooze": Snooze(30),
        "discard": Discard("not wanted"),
        "later": RetryLater(77, "busy"),
        "fail": RuntimeError("boom"),
        "denied": PermissionError("no"),
    }
    if how in ways:
        raise ways[how]
    return {"object": object(), "large": "x" * 300_000, "nan": float("nan")}.get(how, how)


def attempt(settings: Settings, how: str, number: int = 1) -> Outcome:
    from dataclasses import replace
    from datetime import UTC, datetime

    job = dispatch.prepare(JobRequest(task="tests.act", args={"how": how}), settings, datetime.now(UTC))
    return execute("tests.act", job.args, JobContext(replace(job, attempt=number), _Notes()))


def test_a_returned_value_finishes_the_job(settings: Settings) -> None:
    assert attempt(settings, "ok") == Finished(b'"ok"')


def test_not_a_number_becomes_null_because_json_has_none(settings: Settings) -> None:
    assert attempt(settings, "nan") == Finished(b"null")


def test_a_failure_is_retried_until_its_attempts_are_used_up(settings: Settings) -> None:
    first, last = attempt(settings, "fail", 1), attempt(settings, "fail", 3)
    assert isinstance(first, Retrying)
    assert 0 <= first.delay <= 4
    assert isinstance(last, Failed)
    assert (last.error.type, last.error.message) == ("RuntimeError", "boom")


def test_a_traceback_starts_in_the_task(settings: Settings) -> None:
    outcome = attempt(settings, "fail", 3)
    assert isinstance(outcome, Failed)
    assert "in act" in outcome.error.traceback
    assert "jobs/running.py" not in outcome.error.traceback


def test_some_failures_end_the_job_at_once(settings: Settings) -> None:
    assert isinstance(attempt(settings, "denied"), Failed)
    assert isinstance(attempt(settings, "object"), Failed)
    assert isinstance(attempt(settings, "discard"), Discarded)


def test_a_result_above_the_limit_is_not_worth_a_retry(settings: Settings) -> None:
    outcome = attempt(settings, "large")
    assert isinstance(outcome, Failed)
    assert "MAX_RESULT_BYTES" in outcome.error.message


def test_a_task_may_say_when(settings: Settings) -> None:
    assert attempt(settings, "snooze") == Snoozed(30)
    later = attempt(settings, "later")
    assert isinstance(later, Retrying)
    assert later.delay == 77
    assert isinstance(attempt(settings, "later", 3), Failed)


def test_stored_arguments_are_checked_again(settings: Settings) -> None:
    from datetime import UTC, datetime

    job = dispatch.prepare(JobRequest(task="tests.act", args={"how": "ok"}), settings, datetime.now(UTC))
    outcome = execute("tests.act", {"how": 1, "new": 2}, JobContext(job, _Notes()))
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "InvalidArguments"


@pytest.mark.usefixtures("redis")
def test_an_unknown_task_is_quarantined_and_never_imported(settings: Settings) -> None:
    from datetime import UTC, datetime

    job = dispatch.prepare(JobRequest(task="tests.act", args={"how": "ok"}), settings, datetime.now(UTC))
    outcome = execute("os.system", {"command": "true"}, JobContext(job, _Notes()))
    assert isinstance(outcome, Quarantined)
    assert "os.system" in outcome.reason
