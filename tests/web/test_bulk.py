"""The same act on many jobs."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jobs.settings import current_settings

pytestmark = pytest.mark.usefixtures("redis")

RunJobs = Callable[[], int]


def fail(api: FlaskClient, run_jobs: RunJobs, number: int, **fields: Any) -> None:
    for n in range(number):
        answer = api.post("/api/v1/jobs", json={"task": "web_tests.fail", "args": {"message": str(n)}} | fields)
        assert answer.status_code == 202
    run_jobs()


def act(api: FlaskClient, action: str, **filters: Any) -> TestResponse:
    return api.post("/api/v1/jobs/bulk", json={"action": action, "filter": filters, "dry_run": False})


def count(api: FlaskClient, **filters: str) -> int:
    return len(api.get("/api/v1/jobs", query_string=filters).get_json()["jobs"])


def test_looking_changes_nothing_and_is_the_default(api: FlaskClient, run_jobs: RunJobs) -> None:
    fail(api, run_jobs, 5)
    seen = api.post("/api/v1/jobs/bulk", json={"action": "delete", "filter": {"status": "failed"}})
    assert (seen.status_code, seen.get_json()["matched"], seen.get_json()["more"]) == (200, 5, False)
    assert len(seen.get_json()["sample"]) == 5
    assert count(api, status="failed") == 5


def test_many_dead_letters_are_tried_again_by_a_job_that_can_be_followed(api: FlaskClient, run_jobs: RunJobs) -> None:
    fail(api, run_jobs, 3, tags=["a"])
    fail(api, run_jobs, 2, tags=["b"])
    made = act(api, "retry", status="failed", tag="a")
    assert made.status_code == 202
    assert run_jobs() == 4
    assert api.get(f"{made.headers['Location']}/result").get_json()["result"] == {"done": 3, "passed_over": 0}
    assert api.get(made.headers["Location"]).get_json()["progress"]["done"] == 3
    assert api.get("/api/v1/audit").get_json()["entries"][0]["action"] == "job.retry.bulk"


def test_it_waits_in_a_queue_that_workers_take(api: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = current_settings().model_copy(update={"queues": ("urgent", "slow")})
    monkeypatch.setattr("web.api.bulk.current_settings", lambda: settings)
    assert act(api, "retry", status="failed").get_json()["queue"] == "urgent"


def test_a_group_of_failures_is_deleted(api: FlaskClient, run_jobs: RunJobs) -> None:
    fail(api, run_jobs, 3)
    group = api.get("/api/v1/failures").get_json()["groups"][0]["fingerprint"]
    act(api, "delete", status="failed", group="0" * 16)
    run_jobs()
    assert count(api, status="failed") == 3
    act(api, "delete", status="failed", group=group)
    run_jobs()
    assert count(api, status="failed") == 0


def test_waiting_jobs_are_canceled(api: FlaskClient, run_jobs: RunJobs) -> None:
    for _ in range(3):
        api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}, "delay": 60})
    act(api, "cancel", status="scheduled")
    assert run_jobs() == 1
    assert count(api, status="canceled") == 3


def test_a_token_acts_only_on_jobs_of_its_tasks(app: Flask, api: FlaskClient, run_jobs: RunJobs) -> None:
    fail(api, run_jobs, 2)
    made = api.post(
        "/api/v1/tokens", json={"name": "t", "scopes": ["operate", "read"], "tasks": ["web_tests.a*"]}
    ).get_json()
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {made['token']}"
    here = act(client, "delete", status="failed").headers["Location"]
    run_jobs()
    assert client.get(here).get_json()["status"] == "finished"
    assert count(api, status="failed") == 2


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/jobs/batch"])
def test_the_job_behind_it_cannot_be_enqueued_by_hand(api: FlaskClient, path: str) -> None:
    job = {"task": "nightshift.bulk", "args": {"action": "delete", "choice": {"status": "failed"}, "by": "me"}}
    answer = api.post(path, json=job if path.endswith("jobs") else {"jobs": [job]})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"].endswith("/task")
    assert api.get("/api/v1/tasks/nightshift.bulk").status_code == 404
    assert "nightshift" not in api.get("/api/v1/tasks").text


@pytest.mark.parametrize(
    ("action", "status", "fits"),
    [
        ("retry", "finished", "failed, canceled or stopped"),
        ("cancel", "failed", "queued, scheduled or started"),
        ("delete", "started", "queued, scheduled, finished, failed, canceled or stopped"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_state_that_the_act_is_not_for_is_refused(
    api: FlaskClient, action: str, status: str, fits: str, dry_run: bool
) -> None:
    body = {"action": action, "filter": {"status": status}, "dry_run": dry_run}
    refused = api.post("/api/v1/jobs/bulk", json=body)
    assert refused.status_code == 422
    (fault,) = refused.get_json()["errors"]
    assert fault == {"pointer": "#/filter/status", "detail": f"is {status}, but {action} is for jobs that are {fits}"}


@pytest.mark.parametrize(
    "body", [{}, {"action": "burn", "filter": {"status": "failed"}}, {"action": "retry", "filter": {}}]
)
def test_what_is_no_act_is_422(api: FlaskClient, body: dict[str, Any]) -> None:
    assert api.post("/api/v1/jobs/bulk", json=body).status_code == 422
