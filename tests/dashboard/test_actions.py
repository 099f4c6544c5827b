"""What a person can do to jobs, and what the page tells of it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from jobs import audit, enqueue, monitor
from jobs.settings import current_settings

from .conftest import Visitor
from .hand import greet, run_next, slow, take


@pytest.fixture(autouse=True)
def _server(redis: Redis) -> None:
    """Everything here changes a real server."""


def act(admin: Visitor, path: str, **form: str | list[str]) -> TestResponse:
    data: dict[str, object] = {"csrf_token": admin.token("/jobs/new"), **form}
    return admin.send(path, data)


def test_a_failed_job_is_tried_again(admin: Visitor, redis: Redis) -> None:
    job = enqueue(greet, "Ada")
    take(redis).fail()
    assert act(admin, f"/jobs/{job.id}/retry").location == f"/jobs/{job.id}"
    assert monitor.get_job(job.id).status == "queued"
    assert "Enqueued again." in admin.open(f"/jobs/{job.id}").text


def test_a_waiting_job_is_canceled(admin: Visitor) -> None:
    job = enqueue(greet, "Ada")
    act(admin, f"/jobs/{job.id}/cancel")
    assert monitor.get_job(job.id).status == "canceled"


def test_what_cannot_be_done_is_told_and_changes_nothing(admin: Visitor, redis: Redis) -> None:
    job = enqueue(greet, "Ada")
    take(redis).finish()
    act(admin, f"/jobs/{job.id}/cancel")
    assert "cannot be canceled: it is finished" in admin.open("/jobs").text
    assert not audit.entries()


def test_a_page_offers_only_what_its_job_allows(admin: Visitor, redis: Redis) -> None:
    job = enqueue(greet, "Ada")
    page = admin.open(f"/jobs/{job.id}").text
    assert f"/jobs/{job.id}/cancel" in page
    assert f"/jobs/{job.id}/retry" not in page
    take(redis).fail()
    page = admin.open(f"/jobs/{job.id}").text
    assert f"/jobs/{job.id}/retry" in page
    assert f"/jobs/{job.id}/cancel" not in page


def test_an_action_on_a_selection_keeps_the_filters(admin: Visitor) -> None:
    jobs = [enqueue(greet, name) for name in ("Ada", "Grace", "Edsger")]
    chosen = [job.id for job in jobs[:2]]
    answer = act(admin, "/jobs/selected", job=chosen, verb="cancel", next="/jobs?status=queued&task=hand.greet")
    assert answer.location == "/jobs?status=queued&task=hand.greet"
    assert "2 jobs canceled." in admin.open(answer.location).text
    assert [monitor.get_job(job.id).status for job in jobs] == ["canceled", "canceled", "queued"]


def test_all_that_match_are_counted_then_left_to_a_job_that_the_list_follows(admin: Visitor, redis: Redis) -> None:
    for number in range(60):
        enqueue(greet, str(number))
    other = enqueue(slow, 1)
    counted = admin.open("/jobs/count?status=queued&task=hand.greet").get_json()
    assert (counted["jobs"], counted["exact"]) == (60, True)
    later = enqueue(greet, "later")
    matching = {"task": "hand.greet", "status": "queued", "until": counted["until"]}
    answer = act(
        admin, "/jobs/selected", all="1", verb="cancel", next="/jobs?status=queued&task=hand.greet", **matching
    )
    assert answer.location.startswith("/jobs?status=queued&task=hand.greet&bulk=")
    assert monitor.get_job(answer.location.rpartition("=")[2]).priority == "high", "it goes before what waits"
    queue = current_settings().queues[0]
    assert (
        f"Cancel all that match</a>: waiting until a worker takes jobs of {queue}<" in admin.open(answer.location).text
    )
    act(admin, f"/queues/{queue}/pause")
    assert f"waiting until the queue {queue} is resumed<" in admin.open(answer.location).text
    run_next(redis, "high")
    assert "60 done." in admin.open(answer.location).text
    assert [monitor.get_job(job.id).status for job in (other, later)] == ["queued", "queued"]
    assert audit.entries()[0].action == "job.cancel.bulk"


def test_an_action_on_all_of_a_state_that_it_is_not_for_is_refused(admin: Visitor) -> None:
    assert act(admin, "/jobs/selected", all="1", verb="cancel", status="failed").status_code == 400


def test_all_of_every_state_is_no_choice(admin: Visitor) -> None:
    assert act(admin, "/jobs/selected", all="1", verb="cancel").status_code == 400
    assert admin.open("/jobs/count").status_code == 400


def test_a_search_says_how_far_it_looked(admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "MOST_LOOKED_AT", 5)
    chosen = enqueue(greet, "Ada")
    for number in range(6):
        enqueue(greet, str(number))
    page = admin.open("/jobs?text=name=ada").text
    assert "among the 5 newest" in page
    further = re.search(r'href="([^"]+)" rel="next">Look further', page)
    assert further
    assert f"job-{chosen.id}" in admin.open(unescape(further[1])).text


def test_jobs_that_do_not_fit_are_left_and_counted(admin: Visitor, redis: Redis) -> None:
    done, waiting = enqueue(greet, "Ada"), enqueue(greet, "Grace")
    take(redis).finish()
    act(admin, "/jobs/selected", job=[done.id, waiting.id], verb="cancel")
    assert "1 job canceled, 1 job left as they were." in admin.open("/jobs").text


def test_every_action_is_in_the_audit_log(admin: Visitor, redis: Redis) -> None:
    job = enqueue(greet, "Ada")
    take(redis).fail()
    act(admin, f"/jobs/{job.id}/retry")
    act(admin, "/jobs/selected", job=job.id, verb="cancel")
    act(admin, f"/jobs/{job.id}/delete")
    seen = [(entry.actor, entry.action, entry.subject) for entry in audit.entries()]
    assert seen == [
        ("admin", "job.delete", job.id),
        ("admin", "job.cancel", "selected jobs"),
        ("admin", "job.retry", job.id),
    ]


def test_a_deleted_job_leads_back_to_the_list(admin: Visitor) -> None:
    job = enqueue(greet, "Ada")
    assert act(admin, f"/jobs/{job.id}/delete").location == "/jobs"
    assert admin.open(f"/jobs/{job.id}").status_code == 404


def test_the_message_of_an_action_comes_with_the_living_part_once(admin: Visitor) -> None:
    job = enqueue(greet, "Ada")
    act(admin, f"/jobs/{job.id}/cancel")
    assert 'id="messages" hx-swap-oob="innerHTML"' in admin.poll("/jobs").text
    assert "messages" not in admin.poll("/jobs").text


def test_an_unknown_action_is_not_found(admin: Visitor) -> None:
    job = enqueue(greet, "Ada")
    assert act(admin, f"/jobs/{job.id}/explode").status_code == 404
    assert act(admin, "/jobs/selected", job=job.id, verb="explode").status_code == 404
