"""Schedules over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

pytestmark = pytest.mark.usefixtures("redis")

HOURLY = {"id": "tests.hourly", "task": "web_tests.add", "args": {"a": 1}, "every": 3600}


def create(api: FlaskClient, **fields: Any) -> TestResponse:
    return api.post("/api/v1/schedules", json=HOURLY | fields)


def edit(api: FlaskClient, etag: str | None, **fields: Any) -> TestResponse:
    headers = {"If-Match": etag} if etag else {}
    return api.patch("/api/v1/schedules/tests.hourly", json=fields, headers=headers)


def test_a_schedule_is_made_shown_listed_and_removed(api: FlaskClient) -> None:
    made = create(api)
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/schedules/tests.hourly")
    shown = api.get(made.headers["Location"]).get_json()
    assert (shown["kind"], shown["task"], len(shown["next_ticks"])) == ("every", "web_tests.add", 6)
    assert [one["id"] for one in api.get("/api/v1/schedules").get_json()["schedules"]] == ["tests.hourly"]
    assert api.delete(made.headers["Location"]).status_code == 204
    assert api.get(made.headers["Location"]).status_code == 404


def test_an_id_is_taken_once(api: FlaskClient) -> None:
    assert [create(api).status_code for _ in range(2)] == [201, 409]


@pytest.mark.parametrize(
    "wrong",
    [
        {"cron": "* * * * *"},
        {"every": None},
        {"args": {}},
        {"task": "no.such"},
        {"timezone": "Mars/Base"},
        {"every": "60"},
        {"colour": 1},
    ],
)
def test_what_is_no_schedule_is_422(api: FlaskClient, wrong: dict[str, Any]) -> None:
    assert create(api, **wrong).status_code == 422


def test_a_change_needs_the_present_etag(api: FlaskClient) -> None:
    etag = create(api).headers["ETag"]
    assert edit(api, None, every=60).status_code == 428
    assert edit(api, '"0-x"', every=60).status_code == 412
    changed = edit(api, etag, every=60)
    assert (changed.status_code, changed.get_json()["revision"]) == (200, 2)
    assert edit(api, etag, every=70).status_code == 412
    assert edit(api, changed.headers["ETag"], cron="0 9 * * mon", timezone="Europe/Berlin").get_json()["kind"] == "cron"


def test_a_schedule_is_run_now(api: FlaskClient) -> None:
    create(api)
    answer = api.post("/api/v1/schedules/tests.hourly/run")
    assert answer.status_code == 202
    assert api.get(answer.headers["Location"]).get_json()["schedule"] == "tests.hourly"
    assert api.post("/api/v1/schedules/tests.hourly/run").status_code == 409


def test_a_run_that_is_asked_for_again_with_its_key_is_the_same_job(api: FlaskClient) -> None:
    create(api)
    answers = [api.post("/api/v1/schedules/tests.hourly/run", headers={"Idempotency-Key": "run-1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]


def test_a_schedule_is_paused_with_a_note_and_resumed(api: FlaskClient) -> None:
    create(api)
    assert api.post("/api/v1/schedules/tests.hourly/pause", json={"note": "holidays"}).status_code == 204
    shown = api.get("/api/v1/schedules/tests.hourly").get_json()
    assert (shown["paused"], shown["note"], shown["next_ticks"]) == (True, "holidays", [])
    assert api.post("/api/v1/schedules/tests.hourly/resume", json={"catch_up": False}).status_code == 204
    assert api.get("/api/v1/schedules/tests.hourly").get_json()["paused"] is False
    kinds = [entry["kind"] for entry in api.get("/api/v1/schedules/tests.hourly/history").get_json()["entries"]]
    assert kinds[:2] == ["resumed", "paused"]


def test_a_backfill_begins_and_ends(api: FlaskClient) -> None:
    create(api)
    now = datetime.now(UTC)
    span = {"start": (now - timedelta(hours=5)).isoformat(), "end": now.isoformat()}
    answer = api.post("/api/v1/schedules/tests.hourly/backfill", json=span)
    assert (answer.status_code, answer.get_json()["ticks"]) == (202, 5)
    assert api.post("/api/v1/schedules/tests.hourly/backfill", json=span).status_code == 409
    assert api.delete("/api/v1/schedules/tests.hourly/backfill").status_code == 204


def test_a_preview_saves_nothing(api: FlaskClient) -> None:
    seen = api.post(
        "/api/v1/schedules/preview", json={"task": "web_tests.add", "args": {"a": 1}, "cron": "0 17 * * mon-fri"}
    )
    assert (seen.status_code, len(seen.get_json()["ticks"])) == (200, 6)
    assert seen.get_json()["words"]
    assert api.get("/api/v1/schedules").get_json()["schedules"] == []


def test_pages_follow_links(api: FlaskClient) -> None:
    for n in range(5):
        create(api, id=f"tests.s{n}")
    first = api.get("/api/v1/schedules?limit=3").get_json()
    second = api.get(first["next"]).get_json()
    assert [one["id"] for one in first["schedules"] + second["schedules"]] == [f"tests.s{n}" for n in range(5)]


def test_an_id_cannot_name_another_key(api: FlaskClient, redis: Redis) -> None:
    create(api)
    api.post("/api/v1/schedules/tests.hourly/pause")
    here = "/api/v1/schedules/tests.hourly:history"
    assert api.get(here).status_code == 404
    assert api.delete(here).status_code == 404
    assert api.post(f"{here}/pause").status_code == 404
    assert redis.exists("ns:schedule:tests.hourly:history")


def test_what_does_not_exist_is_404(api: FlaskClient) -> None:
    for method, verb in (("GET", ""), ("DELETE", ""), ("POST", "/run"), ("POST", "/pause"), ("POST", "/resume")):
        assert api.open(f"/api/v1/schedules/nothing{verb}", method=method).status_code == 404
