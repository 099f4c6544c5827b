"""410 for what was there and is no longer kept, 404 for what never was."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from jobs import keys

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture
def finished(api: FlaskClient, run_jobs: Callable[[], int]) -> str:
    """The address of a job that has made an artifact."""
    job = api.post("/api/v1/jobs", json={"task": "web_tests.report", "args": {"rows": 3}})
    run_jobs()
    return job.headers["Location"]


def id_of(address: str) -> str:
    return address.rpartition("/")[2]


def test_a_result_that_is_no_longer_kept_is_410(api: FlaskClient, finished: str, redis: Redis) -> None:
    assert api.get(f"{finished}/result").status_code == 200
    redis.delete(keys.results(id_of(finished)))
    answer = api.get(f"{finished}/result")
    assert answer.status_code == 410
    assert answer.get_json()["type"] == "urn:nightshift:problem:expired"
    assert answer.get_json()["setting"] == "RESULT_TTL"
    assert api.get(finished).status_code == 200


def test_an_artifact_that_is_no_longer_kept_is_410_and_one_that_never_was_404(
    api: FlaskClient, finished: str, redis: Redis
) -> None:
    made = f"{finished}/artifacts/übersicht 1.txt"
    assert api.get(made).data == b"xxx"
    for key in redis.keys("ns:file:*"):
        redis.delete(key)
    assert api.get(made).status_code == 410
    assert api.get(f"{finished}/artifacts/other").status_code == 404
    assert api.get(finished).get_json()["artifacts"] == []


def test_a_job_whose_record_has_expired_is_410_to_who_may_see_all(
    app: Flask, api: FlaskClient, finished: str, redis: Redis
) -> None:
    fields = {"name": "x", "scopes": ["read"], "tasks": ["web_tests.*"]}
    limited = {"Authorization": f"Bearer {api.post('/api/v1/tokens', json=fields).get_json()['token']}"}
    redis.delete(keys.job(id_of(finished)))
    for path in (finished, f"{finished}/result", f"{finished}/log"):
        assert api.get(path).status_code == 410
        assert app.test_client().get(path, headers=limited).status_code == 404
    for path in ("/api/v1/jobs/" + "0" * 32, "/api/v1/jobs/x/result"):
        assert api.get(path).status_code == 404
