"""How it goes, for people and for Prometheus."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

pytestmark = pytest.mark.usefixtures("redis")


def test_the_document_and_the_metrics_agree(api: FlaskClient) -> None:
    for queue in ("low", "low", "high"):
        api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}, "queue": queue})
    stats = api.get("/api/v1/stats").get_json()
    assert {queue["name"]: queue["waiting"] for queue in stats["queues"]} == {"high": 1, "default": 0, "low": 2}
    assert (stats["workers"], stats["clock"]["leader"]) == (0, None)

    families = {family.name: family for family in text_string_to_metric_families(api.get("/metrics").text)}
    waiting = {
        s.labels["queue"]: s.value for s in families["nightshift_jobs"].samples if s.labels["state"] == "waiting"
    }
    assert waiting == {"high": 1, "default": 0, "low": 2}
    assert families["nightshift_clock_leads"].samples[0].value == 0


def test_metrics_need_a_token(anyone: FlaskClient) -> None:
    assert anyone.get("/metrics").status_code == 401


def test_metrics_which_name_all_tasks_are_not_for_a_token_of_some(api: FlaskClient) -> None:
    made = api.post("/api/v1/tokens", json={"name": "t", "scopes": ["read"], "tasks": ["web_tests.*"]}).get_json()
    refused = api.get("/metrics", headers={"Authorization": f"Bearer {made['token']}"})
    assert refused.status_code == 403
    assert refused.get_json()["detail"] == "this is about jobs of all tasks, and the token is for web_tests.*"


def test_the_memory_report_tells_what_a_job_takes(api: FlaskClient) -> None:
    for number in range(3):
        api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": number}})
    found = api.get("/api/v1/stats/memory?sample=1000").get_json()
    assert found["measured"] == found["keys"]
    assert {kind["kind"]: kind["keys"] for kind in found["kinds"]}["records"] == 3
    assert [task["task"] for task in found["tasks"]] == ["web_tests.add"]
    assert 300 < found["waiting_job"] < 2000
    assert api.get("/api/v1/stats/memory?sample=0").status_code == 422


def test_the_scale_tells_how_many_workers_are_needed(api: FlaskClient) -> None:
    for _ in range(120):
        api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}, "queue": "high"})
    found = api.get("/api/v1/stats/scale").get_json()
    assert (found["workers"], found["workers_now"], found["horses_per_worker"]) == (2, 0, 2)
    assert {queue["name"]: queue["horses"] for queue in found["queues"]} == {"high": 4, "default": 0, "low": 0}
    some = api.get("/api/v1/stats/scale?queues=default,low").get_json()
    assert (some["workers"], len(some["queues"])) == (1, 2)
    assert api.get("/api/v1/stats/scale?queues=nowhere").status_code == 404


def test_tasks_beyond_the_thousandth_are_counted_together(api: FlaskClient, redis: Redis) -> None:
    many: dict[Any, Any] = {f"n|task.{number:04}|high|finished|3|2": 1 for number in range(1000)}
    last = {'n|task.x"|low|failed|4|2': 2, "n|task.y|low|failed|4|2": 3, "r|task.y|low": 5_000_000}
    redis.hset("ns:stats:total", mapping=many | last)
    families = {family.name: family for family in text_string_to_metric_families(api.get("/metrics").text)}
    attempts = {tuple(s.labels.values()): s.value for s in families["nightshift_attempts"].samples}
    assert len(attempts) == 1001
    assert attempts["other", "low", "failed"] == 5
    runs = [s for s in families["nightshift_attempt_duration_seconds"].samples if s.labels["task"] == "other"]
    assert {s.name.rpartition("_")[2]: s.value for s in runs} == {"bucket": 5, "count": 5, "sum": 5}


def test_a_name_cannot_break_out_of_its_label(api: FlaskClient, redis: Redis) -> None:
    redis.hset("ns:stats:total", 'n|a"b\\c\nd|high|finished|3|2', 1)
    families = {family.name: family for family in text_string_to_metric_families(api.get("/metrics").text)}
    assert [s.labels["task"] for s in families["nightshift_attempts"].samples] == ['a"b\\c\nd']
