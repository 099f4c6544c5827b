"""Jobs over HTTP, against a real server."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from jobs.inline import inline_mode
from jobs.settings import Settings

pytestmark = pytest.mark.usefixtures("redis")

RunJobs = Callable[[], int]


def enqueue(api: FlaskClient, task: str = "web_tests.add", **fields: object) -> TestResponse:
    return api.post("/api/v1/jobs", json={"task": task, "args": {"a": 1}} | fields)


def body(answer: TestResponse) -> dict[str, object]:
    assert isinstance(answer.json, dict)
    return answer.json


def test_a_job_is_accepted_run_and_its_result_is_fetched(api: FlaskClient, run_jobs: RunJobs) -> None:
    accepted = enqueue(api, args={"a": 2, "b": 3}, tags=["vip"], queue="high")
    assert accepted.status_code == 202
    assert accepted.headers["Retry-After"] == "1"
    here = accepted.headers["Location"]
    assert body(accepted)["links"] == {"self": here, "result": f"{here}/result", "log": f"{here}/log"}
    assert api.get(f"{here}/result").status_code == 409

    assert run_jobs() == 1

    shown = body(api.get(here))
    assert (shown["status"], shown["queue"], shown["tags"]) == ("finished", "high", ["vip"])
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["finished"]  # type: ignore[attr-defined]
    assert body(api.get(f"{here}/result")) == {"id": shown["id"], "result": 5}


def test_a_job_that_ran_at_once_is_shown_as_it_ended(api: FlaskClient) -> None:
    with inline_mode():
        answer = enqueue(api)
    assert (answer.status_code, body(answer)["status"]) == (200, "finished")
    assert "Retry-After" not in answer.headers


def test_a_job_shows_its_progress_log_and_artifacts(api: FlaskClient, run_jobs: RunJobs) -> None:
    here = enqueue(api, "web_tests.report", args={"rows": 7}).headers["Location"]
    run_jobs()
    shown = api.get(here).get_json()
    assert {name: shown["progress"][name] for name in ("done", "total", "note")} == {
        "done": 7,
        "total": 7,
        "note": "done",
    }
    assert [artifact["name"] for artifact in shown["artifacts"]] == ["übersicht 1.txt"]
    line = api.get(f"{here}/log").get_json()["lines"][0]
    assert (line["message"], line["fields"]) == ("counting", {"rows": 7})

    download = api.get(shown["artifacts"][0]["href"])
    assert (download.data, download.mimetype) == (b"x" * 7, "text/plain")
    assert download.headers["Content-Disposition"].startswith("attachment;")
    assert "filename*=UTF-8''%C3%BCbersicht%201.txt" in download.headers["Content-Disposition"]
    assert api.get(f"{here}/artifacts/other.txt").status_code == 404


def test_a_failed_job_tells_its_error_but_no_traceback(api: FlaskClient, run_jobs: RunJobs) -> None:
    here = enqueue(api, "web_tests.fail", args={"message": "no paper"}).headers["Location"]
    run_jobs()
    answer = api.get(here)
    shown = answer.get_json()
    assert (shown["status"], shown["error"]) == ("failed", {"type": "ValueError", "message": "no paper"})
    assert shown["attempts"][0]["error"] == shown["error"]
    assert "Traceback" not in answer.text
    assert api.get(f"{here}/result").status_code == 409


def test_the_trace_of_the_request_reaches_the_task(api: FlaskClient, run_jobs: RunJobs) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body_ = {"task": "web_tests.trace"}
    here = api.post("/api/v1/jobs", json=body_, headers={"traceparent": trace}).headers["Location"]
    other = api.post("/api/v1/jobs", json=body_, headers={"traceparent": "nonsense"}).headers["Location"]
    run_jobs()
    assert api.get(f"{here}/result").get_json()["result"] == trace
    assert api.get(f"{other}/result").get_json()["result"] is None


def test_secrets_come_to_the_task_and_are_shown_nowhere(api: FlaskClient, run_jobs: RunJobs) -> None:
    canary = "canary-5d41402abc4b2a76b9719d911017c592"
    args = {"settings": {"password": canary}, "plain": canary}
    here = enqueue(api, "web_tests.secret", args=args).headers["Location"]
    run_jobs()
    assert api.get(f"{here}/result").get_json()["result"] == {"length": len(canary), "api_key": "[hidden]"}
    for path in (here, f"{here}/result", f"{here}/log", "/api/v1/jobs", "/api/v1/failures", "/api/v1/audit"):
        assert canary not in api.get(path).text


def test_a_delayed_job_is_scheduled(api: FlaskClient) -> None:
    shown = body(enqueue(api, delay=60))
    due = datetime.fromisoformat(str(shown["run_at"]))
    assert shown["status"] == "scheduled"
    assert timedelta(seconds=55) < due - datetime.now(UTC) <= timedelta(seconds=60)


def test_a_job_is_scheduled_for_an_instant_in_any_zone(api: FlaskClient) -> None:
    shown = body(enqueue(api, run_at="2031-01-02T03:04:05+01:00"))
    assert shown["run_at"] == "2031-01-02T02:04:05Z"


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"task": "no.such"}, "#/task"),
        ({"task": 5}, "#/task"),
        ({"args": {"a": "seven"}}, "#/args/a"),
        ({"args": {"a": 1, "c/d": 1}}, "#/args/c~1d"),
        ({"args": {}}, "#/args/a"),
        ({"args": [1]}, "#/args"),
        ({"delay": "5"}, "#/delay"),
        ({"delay": -1}, "#/delay"),
        ({"delay": True}, "#/delay"),
        ({"delay": 1, "run_at": "2031-01-02T03:04:05Z"}, "#/delay"),
        ({"run_at": "2031-01-02T03:04:05"}, "#/run_at"),
        ({"run_at": 5}, "#/run_at"),
        ({"run_at": "5"}, "#/run_at"),
        ({"run_at": "2999-01-01T00:00:00Z"}, "#/run_at"),
        ({"queue": "no spaces"}, "#/queue"),
        ({"tags": ["a\nb"]}, "#/tags/0"),
        ({"retries": 101}, "#/retries"),
        ({"timeout": 0}, "#/timeout"),
        ({"unknown": 1}, "#/unknown"),
    ],
)
def test_what_does_not_fit_is_422_with_a_pointer_and_enqueues_nothing(
    api: FlaskClient, redis: Redis, given: dict[str, Any], pointer: str
) -> None:
    answer = enqueue(api, **given)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.get_json()["errors"]] == [pointer]
    assert redis.dbsize() == 0


def test_a_file_that_does_not_exist_is_a_fault_of_the_arguments(api: FlaskClient) -> None:
    answer = enqueue(api, "web_tests.read", args={"file": "file_" + "0" * 32})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "#/args/file"


def test_the_same_idempotency_key_gives_the_same_job(api: FlaskClient, redis: Redis) -> None:
    answers = [
        api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}, headers={"Idempotency-Key": "k-1"})
        for _ in range(3)
    ]
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert [answer.status_code for answer in answers] == [202, 200, 200]
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", "true"]
    assert redis.llen("rq:queue:default") == 1
    assert {redis.ttl(key) for key in redis.scan_iter("ns:idem:*")} <= {86400, 86399}


def test_a_hundred_parallel_posts_with_one_key_give_one_job(app: Flask, settings: Settings, redis: Redis) -> None:
    assert settings.api_token is not None
    headers = {"Idempotency-Key": "k", "Authorization": f"Bearer {settings.api_token.get_secret_value()}"}

    def post(_: int) -> str:
        answer = app.test_client().post(
            "/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}, headers=headers
        )
        return str(answer.get_json()["id"])

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(post, range(100)))) == 1
    assert redis.llen("rq:queue:default") == 1


def test_the_same_key_with_another_body_is_422(api: FlaskClient, redis: Redis) -> None:
    for args, status in (({"a": 1}, 202), ({"a": 2}, 422), ({"a": 1}, 200)):
        answer = api.post(
            "/api/v1/jobs", json={"task": "web_tests.add", "args": args}, headers={"Idempotency-Key": "k"}
        )
        assert answer.status_code == status
    assert redis.llen("rq:queue:default") == 1


@pytest.mark.parametrize("key", ["", "with space", "x" * 129, "\t"])
def test_a_key_that_cannot_be_used_is_400(api: FlaskClient, key: str) -> None:
    answer = api.post(
        "/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}, headers={"Idempotency-Key": key}
    )
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_a_unique_job_answers_with_the_one_that_exists(api: FlaskClient, run_jobs: RunJobs) -> None:
    first = enqueue(api, unique={"until": "done"})
    again = enqueue(api, unique={"until": "done"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.get_json()["id"] == again.get_json()["id"]
    run_jobs()
    assert enqueue(api, unique={}).status_code == 202


def test_a_job_that_does_not_exist_is_404(api: FlaskClient) -> None:
    for path in ("", "/result", "/log", "/artifacts/x"):
        answer = api.get(f"/api/v1/jobs/unknown{path}")
        assert (answer.status_code, answer.get_json()["type"]) == (404, "urn:nightshift:problem:job-missing")


def test_an_id_cannot_name_another_key(api: FlaskClient, redis: Redis) -> None:
    here = enqueue(api).headers["Location"]
    redis.sadd(f"rq:job:{here.rpartition('/')[2]}:dependents", "x")
    for path in (f"{here}:dependents", f"{here}:dependents/log", "/api/v1/jobs/*", "/api/v1/jobs/a b"):
        assert api.get(path).status_code == 404
    assert api.delete(f"{here}:dependents").status_code == 404


def test_an_unchanged_job_is_304(api: FlaskClient, run_jobs: RunJobs) -> None:
    here = enqueue(api).headers["Location"]
    known = api.get(here).headers["ETag"]
    assert api.get(here, headers={"If-None-Match": known}).status_code == 304
    run_jobs()
    assert api.get(here, headers={"If-None-Match": known}).status_code == 200


def test_lists_filter_and_page_by_links(api: FlaskClient) -> None:
    ids = [body(enqueue(api, tags=["even"] if n % 2 == 0 else []))["id"] for n in range(7)]
    first = api.get("/api/v1/jobs?tag=even&limit=3")
    assert [job["id"] for job in first.get_json()["jobs"]] == [ids[6], ids[4], ids[2]]
    following = first.headers["Link"].partition(">")[0].lstrip("<")
    assert following == first.get_json()["next"]
    second = api.get(following)
    assert [job["id"] for job in second.get_json()["jobs"]] == [ids[0]]
    assert api.get("/api/v1/jobs?status=finished").get_json()["jobs"] == []


def test_lists_filter_by_time(api: FlaskClient) -> None:
    first, second = (body(enqueue(api)) for _ in range(2))

    def listed(**query: str) -> list[str]:
        return [job["id"] for job in api.get("/api/v1/jobs", query_string=query).get_json()["jobs"]]

    assert listed(since=str(second["created_at"])) == [second["id"]]
    assert listed(until=str(second["created_at"])) == [first["id"]]
    assert listed(since="2031-01-01T00:00:00+01:00") == []


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=5",
        "until=2031-01-01T00:00:00",
        "limit=0",
        "limit=x",
        "status=lost",
        "cursor=%00",
        "color=red",
    ],
)
def test_a_query_that_does_not_fit_is_422_and_names_the_parameter(api: FlaskClient, query: str) -> None:
    answer = api.get(f"/api/v1/jobs?{query}")
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_waiting_for_a_job_answers_when_it_has_ended(
    app: Flask, api: FlaskClient, run_jobs: RunJobs, redis: Redis
) -> None:
    answers: list[TestResponse] = []

    def call() -> None:
        answers.append(
            api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}, headers={"Prefer": "wait=15"})
        )

    began = time.monotonic()
    thread = Thread(target=call)
    thread.start()
    while not run_jobs():
        assert time.monotonic() - began < 10
    thread.join()
    assert answers[0].status_code == 200
    assert answers[0].headers["Preference-Applied"] == "wait=15"
    assert answers[0].get_json()["status"] == "finished"
    assert time.monotonic() - began < 10


def test_waiting_ends_with_202_when_time_is_up(api: FlaskClient) -> None:
    answer = api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}, headers={"Prefer": "wait=1"})
    assert answer.status_code == 202


def test_a_long_poll_answers_when_the_job_changes(api: FlaskClient, run_jobs: RunJobs) -> None:
    here = enqueue(api, delay=1000).headers["Location"]
    known = api.get(here).headers["ETag"]
    began = time.monotonic()
    assert api.get(here, headers={"If-None-Match": known, "Prefer": "wait=1"}).status_code == 304
    assert 0.9 < time.monotonic() - began < 3
    assert api.get(here, headers={"If-None-Match": '"other"', "Prefer": "wait=10"}).status_code == 200
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=x", "wait=-1", "wait=1e9", "respond-async", "wait=\u0661"])
def test_a_preference_that_makes_no_sense_is_ignored(api: FlaskClient, prefer: str) -> None:
    began = time.monotonic()
    given = {"Prefer": prefer.encode().decode("latin-1")}
    answer = api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}, headers=given)
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers
    assert time.monotonic() - began < 1


def test_at_most_half_of_the_threads_wait(app: Flask, api: FlaskClient) -> None:
    places = app.extensions["nightshift.waiters"]
    while places.acquire(blocking=False):
        pass
    began = time.monotonic()
    answer = api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}, headers={"Prefer": "wait=9"})
    assert answer.status_code == 202
    assert time.monotonic() - began < 1


def test_arguments_above_the_limit_are_413_and_name_it(api: FlaskClient) -> None:
    answer = enqueue(api, "web_tests.fail", args={"message": "x" * 70_000})
    problem = answer.get_json()
    assert (answer.status_code, problem["limit"], problem["setting"]) == (413, 65536, "MAX_ARGS_BYTES")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(131071, 202), (131072, 202), (131073, 413), (200_000, 413)])
def test_a_body_may_be_as_long_as_the_limit_however_it_is_sent(
    api: FlaskClient, size: int, status: int, chunked: bool
) -> None:
    data = json.dumps({"task": "web_tests.add", "args": {"a": 1}}).encode().ljust(size)
    told = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    answer = api.post(
        "/api/v1/jobs", data=data, content_type="application/json", environ_overrides=told if chunked else {}
    )
    assert (answer.status_code, body(answer).get("limit")) == (status, 131072 if status == 413 else None)


def test_a_body_far_above_the_limit_is_413_without_being_read(api: FlaskClient) -> None:
    answer = enqueue(api, "web_tests.fail", args={"message": "x" * 5_000_000})
    problem = answer.get_json()
    assert (answer.status_code, problem["limit"], problem["setting"]) == (413, 131072, "MAX_ARGS_BYTES")


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"task": NaN}', "application/json", 400),
        (b'{"task": "\\ud800"}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b'"{}"', "application/json", 422),
        (b"", "application/json", 422),
        (b'{"task": "x", "args": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}", "application/json", 422),
        (b"task=x", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
    ],
)
def test_bodies_that_cannot_be_read(api: FlaskClient, data: bytes, content_type: str, status: int) -> None:
    answer = api.post("/api/v1/jobs", data=data, content_type=content_type)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
