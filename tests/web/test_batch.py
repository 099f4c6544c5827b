"""Many jobs at once, all or none."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from jobs.settings import Settings, use_settings

pytestmark = pytest.mark.usefixtures("redis")


def post(api: FlaskClient, jobs: list[Any], key: str | None = None) -> TestResponse:
    return api.post("/api/v1/jobs/batch", json={"jobs": jobs}, headers={"Idempotency-Key": key} if key else {})


def add(number: int) -> dict[str, Any]:
    return {"task": "web_tests.add", "args": {"a": number}}


def test_a_thousand_jobs_are_accepted_in_order(api: FlaskClient, redis: Redis) -> None:
    answer = post(api, [add(n) for n in range(1000)])
    assert answer.status_code == 202
    assert [job["args"]["a"] for job in answer.get_json()["jobs"]] == list(range(1000))
    waiting = [job_id.decode() for job_id in redis.lrange("rq:queue:default", 0, -1) if isinstance(job_id, bytes)]
    assert waiting == [job["id"] for job in answer.get_json()["jobs"]]


def test_one_fault_refuses_all_and_every_fault_is_told(api: FlaskClient, redis: Redis) -> None:
    wrong = [
        add(0),
        {"task": "no.such"},
        {"task": "web_tests.add", "args": {"a": "x"}},
        add(1) | {"delay": 1, "run_at": "2031-01-01T00:00:00Z"},
    ]
    answer = post(api, wrong)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.get_json()["errors"]] == [
        "#/jobs/1/task",
        "#/jobs/2/args/a",
        "#/jobs/3/delay",
    ]
    assert redis.dbsize() == 0


@pytest.mark.parametrize("jobs", [[], [add(0)] * 1001, [1], [{}]])
def test_what_is_no_batch_is_422(api: FlaskClient, jobs: list[Any]) -> None:
    assert post(api, jobs).status_code == 422


def test_a_batch_that_does_not_fit_into_the_queue_is_refused_as_a_whole(
    api: FlaskClient, settings: Settings, redis: Redis
) -> None:
    use_settings(settings.model_copy(update={"max_queue_depth": 5, "rate_limit": 0}))
    assert post(api, [add(0)] * 3).status_code == 202
    full = post(api, [add(0)] * 3)
    assert (full.status_code, full.get_json()["limit"], full.get_json()["setting"]) == (429, 5, "MAX_QUEUE_DEPTH")
    assert int(full.headers["Retry-After"]) == 10
    assert redis.llen("rq:queue:default") == 3
    assert post(api, [add(0)] * 2).status_code == 202


def test_a_repeated_batch_gives_the_same_jobs(api: FlaskClient, redis: Redis) -> None:
    first, again = (post(api, [add(0), add(0)], "k") for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert [job["id"] for job in first.get_json()["jobs"]] == [job["id"] for job in again.get_json()["jobs"]]
    assert redis.llen("rq:queue:default") == 2


@pytest.mark.parametrize("other", [[add(0)], [add(0), add(0), add(0)], [add(0), add(1)]])
def test_a_key_is_not_used_for_another_batch(api: FlaskClient, redis: Redis, other: list[Any]) -> None:
    post(api, [add(0), add(0)], "k")
    assert post(api, other, "k").status_code == 422
    assert redis.llen("rq:queue:default") == 2
