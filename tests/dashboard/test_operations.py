"""Queues, failures, workers, schedules and the audit log: what they show and what they do."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from jobs import audit, enqueue, monitor, queues, registry, schedules, with_options
from jobs.schedules import ScheduleView

from .conftest import Visitor
from .hand import greet, take
from .past import Past


@pytest.fixture(autouse=True)
def _server(redis: Redis) -> None:
    """Everything here changes a real server."""


@pytest.fixture
def hourly() -> ScheduleView:
    """A schedule made at run time."""
    return schedules.create(
        {"id": "greet.hourly", "task": "hand.greet", "args": {"name": "x"}, "every": 3600}, actor="t"
    )


def act(admin: Visitor, path: str, **form: str) -> TestResponse:
    return admin.send(path, {"csrf_token": admin.token("/jobs/new"), **form})


def test_a_queue_is_paused_with_a_reason_that_everybody_sees(admin: Visitor) -> None:
    act(admin, "/queues/default/pause", note="the mail server is down")
    page = admin.open("/queues").text
    assert "by admin: the mail server is down" in page
    assert "default is paused" in page
    act(admin, "/queues/default/resume")
    assert not queues.paused()


def test_a_queue_is_emptied_only_when_its_name_was_typed(admin: Visitor) -> None:
    job = enqueue(greet, "Ada")
    act(admin, "/queues/default/empty", confirm="defualt")
    assert "Nothing was done" in admin.open("/queues").text
    assert monitor.get_job(job.id).status == "queued"
    act(admin, "/queues/default/empty", confirm="default")
    assert monitor.get_job(job.id).status == "canceled"


def test_a_queue_tells_how_many_of_those_that_wait_have_priority(admin: Visitor) -> None:
    for priority in ("high", "high", "low", "normal"):
        with_options(greet, priority=priority).enqueue("Ada")
    (row,) = re.findall(r'<tr id="queue-default">(.+?)</tr>', admin.open("/queues").text, re.DOTALL)
    assert re.search(r">4</span><span[^>]*>2 high, 1 low<", row)


def test_all_queues_are_paused_with_one_reason_and_resumed(admin: Visitor) -> None:
    act(admin, "/queues/low/pause", note="the report database moves")
    act(admin, "/queues/pause", note="a fire drill")
    assert "2 queues paused" in admin.open("/").text
    assert {name: pause.note for name, pause in queues.paused().items()} == {
        "high": "a fire drill",
        "default": "a fire drill",
        "low": "the report database moves",
    }
    act(admin, "/queues/resume")
    assert "3 queues resumed." in admin.open("/").text
    assert not queues.paused()
    assert [(entry.action, entry.subject) for entry in audit.entries(limit=2)] == [
        ("queue.resume", "all queues"),
        ("queue.pause", "all queues"),
    ]


def test_a_queue_tells_its_pace_and_when_it_is_drained(admin: Visitor, redis: Redis) -> None:
    enqueue(greet, "Ada")
    page = admin.open("/queues").text
    assert "standing still" in page
    Past(redis).add(datetime.now(UTC) - timedelta(minutes=5), times=600, wait=2)
    admin.client.application.extensions["nightshift.paces"].forget()
    page = admin.open("/queues").text
    assert re.search(r">(5[4-9]|60)</td>", page)
    assert re.search(r">1\.[01] s</td>", page)
    assert "p95 2.4 s" in page


def test_a_task_tells_how_long_its_attempts_ran(admin: Visitor, redis: Redis) -> None:
    past = Past(redis)
    past.add(datetime.now(UTC), times=90, run=0.04)
    past.add(datetime.now(UTC), "retrying", times=10, run=2.4)
    row = admin.open("/tasks").text.split('id="task-hand.greet"')[1].split("</tr>")[0]
    assert re.findall(r'<td class="num[^>]*>([^<]+)</td>', row)[:5] == ["10.0 %", "39 ms", "1.8 s", "2.4 s", "3 min"]


def test_the_line_of_a_schedule_shows_what_became_of_its_ticks(admin: Visitor, redis: Redis) -> None:
    schedules.create({"id": "s", "task": "hand.greet", "args": {"name": "x"}, "every": 3600}, actor="t")
    schedules.run_now("s", actor="t")
    assert "1 at work, 12 to come" in admin.open("/schedules").text
    take(redis).fail()
    assert 'class="day-past bad" d="M50 2v11"' in admin.open("/schedules").text


def test_a_queue_that_never_was_is_not_found(admin: Visitor) -> None:
    assert act(admin, "/queues/nothing/pause").status_code == 404


def test_dead_letters_stand_in_groups_and_a_group_is_tried_again(admin: Visitor, redis: Redis) -> None:
    assert "Nothing has failed" in admin.open("/failures").text
    for name in ("Ada", "Grace"):
        enqueue(greet, name)
        take(redis).fail("no such host")
    admin.client.application.extensions["nightshift.failures"].forget()
    page = admin.open("/failures").text
    assert "2 dead letters in 1 group" in page
    fingerprint = page.split("/failures/")[1].split("/")[0]
    act(admin, f"/failures/{fingerprint}/retry")
    assert "2 jobs enqueued again." in admin.open("/failures").text
    assert len(monitor.list_jobs(status="queued").jobs) == 2


def test_a_worker_that_is_gone_cannot_be_stopped_or_drained(admin: Visitor) -> None:
    assert "No worker runs" in admin.open("/workers").text
    for verb in ("stop", "drain"):
        act(admin, f"/workers/nobody/{verb}")
        assert "No worker is named" in admin.open("/workers").text


def test_a_worker_that_drains_is_not_asked_again(admin: Visitor, redis: Redis) -> None:
    for name, state in (("one", "idle"), ("two", "draining")):
        redis.sadd("rq:workers", f"rq:worker:{name}")
        redis.hset(f"rq:worker:{name}", mapping={"queues": "default", "state": state})
    page = admin.open("/workers").text
    assert "/workers/one/drain" in page
    assert ("/workers/two/drain" in page, "/workers/two/stop" in page) == (False, True)
    act(admin, "/workers/one/drain")
    assert "one takes no more jobs" in admin.open("/workers").text


def test_a_schedule_shows_what_comes_and_is_paused_and_resumed(admin: Visitor, hourly: ScheduleView) -> None:
    for path in ("/schedules", f"/schedules/{hourly.id}", "/"):
        assert "every hour" in admin.open(path).text
    act(admin, f"/schedules/{hourly.id}/pause", note="holidays")
    page = admin.open(f"/schedules/{hourly.id}").text
    assert "Paused: holidays" in page
    assert "Resume and catch up" in page
    act(admin, f"/schedules/{hourly.id}/resume")
    assert schedules.get_schedule(hourly.id).next_ticks


def test_a_schedule_is_run_now_once_at_a_time(admin: Visitor, hourly: ScheduleView) -> None:
    act(admin, f"/schedules/{hourly.id}/run")
    assert "greet.hourly was enqueued." in admin.open(f"/schedules/{hourly.id}").text
    act(admin, f"/schedules/{hourly.id}/run")
    assert "is still active" in admin.open(f"/schedules/{hourly.id}").text
    assert len(monitor.list_jobs(task="hand.greet").jobs) == 1


def test_a_schedule_whose_task_is_gone_says_so(
    admin: Visitor, hourly: ScheduleView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(registry._tasks, "hand.greet")
    act(admin, f"/schedules/{hourly.id}/run")
    assert "No task is named" in admin.open("/queues").text


def test_a_backfill_needs_two_dates(admin: Visitor, hourly: ScheduleView) -> None:
    act(admin, f"/schedules/{hourly.id}/backfill", **{"from": "yesterday", "to": ""})
    assert "Give two dates with times" in admin.open(f"/schedules/{hourly.id}").text
    act(admin, f"/schedules/{hourly.id}/backfill", **{"from": "2026-01-01T00:00", "to": "2026-01-01T05:30"})
    assert "Backfilling" in admin.open(f"/schedules/{hourly.id}").text
    act(admin, f"/schedules/{hourly.id}/backfill/end")
    assert schedules.get_schedule(hourly.id).backfill is None


def test_a_schedule_that_is_gone_is_a_page_of_its_own(admin: Visitor) -> None:
    assert admin.open("/schedules/nothing").status_code == 404
    assert act(admin, "/schedules/nothing/run").status_code == 404


def test_the_audit_log_tells_who_did_what(admin: Visitor, hourly: ScheduleView) -> None:
    act(admin, "/queues/low/pause", note="deploy")
    act(admin, f"/schedules/{hourly.id}/run")
    page = admin.open("/audit").text
    assert "queue.pause" in page
    assert "note: deploy" in page
    assert "schedule.run" in page


def test_the_audit_log_is_paged(admin: Visitor) -> None:
    for number in range(60):
        audit.note("somebody", "queue.pause", f"queue-{number:02}")
    first = admin.open("/audit").text
    assert "queue-59" in first
    assert "queue-05" not in first
    older = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    assert "queue-05" in admin.open(older).text
    assert admin.open("/audit?before=nonsense").status_code == 400
