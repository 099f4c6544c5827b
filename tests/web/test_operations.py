"""Actions on jobs, queues and workers; dead letters in groups; the audit."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

pytestmark = pytest.mark.usefixtures("redis")

RunJobs = Callable[[], int]


def enqueue(api: FlaskClient, task: str = "web_tests.add", **fields: Any) -> str:
    answer = api.post("/api/v1/jobs", json={"task": task, "args": {"a": 1}} | fields)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Location"])


def status(api: FlaskClient, here: str) -> str:
    return str(api.get(here).get_json()["status"])


def acts(api: FlaskClient) -> list[tuple[str, str, str]]:
    entries = api.get("/api/v1/audit").get_json()["entries"]
    return [(entry["actor"], entry["action"], entry["subject"]) for entry in entries]


def test_a_dead_letter_is_tried_again(api: FlaskClient, run_jobs: RunJobs) -> None:
    here = enqueue(api, "web_tests.fail", args={"message": "no"})
    run_jobs()
    answer = api.post(f"{here}/retry")
    assert (answer.status_code, answer.headers["Location"], answer.get_json()["status"]) == (202, here, "queued")
    assert run_jobs() == 1
    assert len(api.get(here).get_json()["attempts"]) == 2
    assert acts(api)[0] == ("API_TOKEN", "job.retry", here.rpartition("/")[2])


def test_a_job_that_has_not_failed_is_not_tried_again(api: FlaskClient) -> None:
    assert api.post(f"{enqueue(api)}/retry").status_code == 409


def test_edited_arguments_make_a_new_job_that_names_the_old_one(api: FlaskClient, run_jobs: RunJobs) -> None:
    here = enqueue(api, "web_tests.fail", args={"message": "no"}, tags=["mine"])
    run_jobs()
    answer = api.post(f"{here}/retry", json={"args": {"message": "yes"}})
    made = answer.get_json()
    assert made["tags"] == ["mine", f"retry-of:{here.rpartition('/')[2]}"]
    assert made["args"] == {"message": "yes"}
    assert status(api, here) == "failed"
    wrong = api.post(f"{here}/retry", json={"args": {"massage": "yes"}})
    assert wrong.status_code == 422
    assert {fault["pointer"] for fault in wrong.get_json()["errors"]} == {"#/args/message", "#/args/massage"}


@pytest.mark.parametrize("body", [{}, {"args": {"message": "yes"}}])
def test_a_retry_that_is_sent_again_with_its_key_is_done_once(
    api: FlaskClient, run_jobs: RunJobs, body: dict[str, Any]
) -> None:
    here, other = (enqueue(api, "web_tests.fail", args={"message": "no"}) for _ in range(2))
    run_jobs()
    key = {"Idempotency-Key": "again-1"}
    first = api.post(f"{here}/retry", json=body, headers=key)
    run_jobs()
    again = api.post(f"{here}/retry", json=body, headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["Location"] == first.headers["Location"]
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert run_jobs() == 0
    assert [act[1] for act in acts(api)] == ["job.retry"]
    assert api.post(f"{other}/retry", json=body, headers=key).status_code == 422


@pytest.mark.parametrize("fields", [{}, {"delay": 60}])
def test_a_waiting_job_is_canceled(api: FlaskClient, run_jobs: RunJobs, fields: dict[str, Any]) -> None:
    here = enqueue(api, **fields)
    assert api.post(f"{here}/cancel").status_code == 202
    assert api.post(f"{here}/cancel").get_json()["status"] == "canceled"
    assert status(api, here) == "canceled"
    assert run_jobs() == 0


def test_a_job_that_has_finished_is_not_canceled(api: FlaskClient, run_jobs: RunJobs) -> None:
    here = enqueue(api)
    run_jobs()
    assert api.post(f"{here}/cancel").status_code == 409


def test_a_job_is_deleted_with_all_that_belongs_to_it(api: FlaskClient, run_jobs: RunJobs, redis: Redis) -> None:
    here = enqueue(api, "web_tests.report", args={"rows": 1})
    run_jobs()
    assert api.delete(here).status_code == 204
    assert api.get(here).status_code == 404
    job_id = here.rpartition("/")[2]
    assert [key for key in redis.scan_iter("*") if job_id.encode() in key] == []
    assert api.delete(here).status_code == 404


def test_queues_are_counted(api: FlaskClient) -> None:
    enqueue(api, queue="low")
    enqueue(api, queue="low", delay=60)
    listed = {queue["name"]: queue for queue in api.get("/api/v1/queues").get_json()["queues"]}
    assert set(listed) == {"high", "default", "low"}
    assert (listed["low"]["waiting"], listed["low"]["scheduled"], listed["low"]["paused"]) == (1, 1, None)


def test_a_queue_is_paused_with_a_reason_and_resumed(api: FlaskClient) -> None:
    assert api.post("/api/v1/queues/low/pause", json={"note": "the printer is on fire"}).status_code == 204
    paused = next(queue for queue in api.get("/api/v1/queues").get_json()["queues"] if queue["name"] == "low")["paused"]
    assert (paused["note"], paused["by"]) == ("the printer is on fire", "API_TOKEN")
    assert enqueue(api, queue="low")
    assert api.post("/api/v1/queues/low/resume").status_code == 204
    assert api.post("/api/v1/queues/low/resume").status_code == 204
    assert acts(api) == [("API_TOKEN", "queue.resume", "low"), ("API_TOKEN", "queue.pause", "low")]


def test_a_queue_is_emptied_only_by_who_types_its_name(api: FlaskClient, run_jobs: RunJobs) -> None:
    here = [enqueue(api, queue="low") for _ in range(3)]
    assert api.post("/api/v1/queues/low/empty", json={"confirm": "high"}).status_code == 422
    assert api.post("/api/v1/queues/low/empty").status_code == 422
    assert api.post("/api/v1/queues/low/empty", json={"confirm": "low"}).get_json() == {"canceled": 3}
    assert {status(api, job) for job in here} == {"canceled"}
    assert run_jobs() == 0
    assert api.post(f"{here[0]}/retry").status_code == 202


@pytest.mark.parametrize("verb", ["pause", "resume", "empty"])
def test_a_queue_that_does_not_exist_is_404(api: FlaskClient, verb: str) -> None:
    answer = api.post(f"/api/v1/queues/nowhere/{verb}", json={"confirm": "nowhere"} if verb == "empty" else {})
    assert answer.get_json()["type"] == "urn:nightshift:problem:queue-missing"


def test_dead_letters_are_grouped_by_task_exception_and_line(api: FlaskClient, run_jobs: RunJobs) -> None:
    ids = [enqueue(api, "web_tests.fail", args={"message": f"no {n}"}).rpartition("/")[2] for n in range(3)]
    run_jobs()
    groups = api.get("/api/v1/failures").get_json()["groups"]
    assert len(groups) == 1
    assert (groups[0]["task"], groups[0]["error_type"], groups[0]["count"]) == ("web_tests.fail", "ValueError", 3)
    assert groups[0]["frame"].startswith("conftest.py:")
    assert set(groups[0]["job_ids"]) == set(ids)
    assert api.get("/api/v1/failures?task=web_tests.add").get_json()["groups"] == []


def test_a_worker_that_does_not_exist_is_404(api: FlaskClient) -> None:
    assert api.get("/api/v1/workers").get_json() == {"workers": []}
    assert [api.post(f"/api/v1/workers/nobody/{verb}").status_code for verb in ("stop", "drain")] == [404, 404]


@pytest.mark.parametrize(("verb", "command"), [("stop", b"shutdown"), ("drain", b"drain")])
def test_a_worker_is_told_to_stop_or_to_drain(api: FlaskClient, redis: Redis, verb: str, command: bytes) -> None:
    redis.sadd("rq:workers", "rq:worker:w1")
    redis.hset("rq:worker:w1", mapping={"hostname": "h", "pid": "1", "queues": "default", "state": "idle"})
    with redis.pubsub() as listener:  # type: ignore[no-untyped-call]
        listener.subscribe("rq:pubsub:w1")
        assert api.post(f"/api/v1/workers/w1/{verb}").status_code == 202
        said = [message for _ in range(2) if (message := listener.get_message(timeout=2))]
    assert command in said[-1]["data"]
    assert acts(api)[0] == ("API_TOKEN", f"worker.{verb}", "w1")


def test_the_audit_is_paged(api: FlaskClient) -> None:
    for n in range(5):
        api.post("/api/v1/queues/low/pause", json={"note": str(n)})
    first = api.get("/api/v1/audit?limit=3").get_json()
    second = api.get(first["next"]).get_json()
    assert [entry["detail"]["note"] for entry in first["entries"] + second["entries"]] == ["4", "3", "2", "1", "0"]
    assert second["next"] is None
