"""Tokens with scopes, patterns and an end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from jobs import tokens
from jobs.settings import Settings
from jobs.tokens import Scope
from web.access import access_of

pytestmark = pytest.mark.usefixtures("redis")


def make(api: FlaskClient, *scopes: str, **fields: Any) -> dict[str, Any]:
    answer = api.post("/api/v1/tokens", json={"name": "shop", "scopes": list(scopes)} | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def bearer(app: Flask, made: dict[str, Any]) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {made['token']}"
    return client


def routes(app: Flask) -> Iterator[tuple[str, str, Scope]]:
    for rule in app.url_map.iter_rules():
        needed = access_of(app, rule.endpoint)
        if rule.rule.startswith("/api/") and isinstance(needed, Scope):
            path = rule.rule.replace("<name>", "x").replace("<queue>", "x").replace("<file_id>", "x")
            for method in (rule.methods or set()) - {"OPTIONS"}:
                yield (
                    method,
                    path.replace("<job_id>", "x").replace("<token_id>", "x").replace("<schedule_id>", "x"),
                    needed,
                )


def test_every_route_is_open_to_its_scope_and_closed_to_all_others(app: Flask, api: FlaskClient) -> None:
    clients = {scope: bearer(app, make(api, scope)) for scope in Scope}
    checked = 0
    for method, path, needed in routes(app):
        for scope, client in clients.items():
            refused = client.open(path, method=method).status_code == 403
            assert refused is (scope != needed), (method, path, scope)
            checked += 1
    assert checked > 100


def test_the_secret_is_shown_once_and_stored_only_as_a_hash(api: FlaskClient, redis: Redis) -> None:
    made = make(api, "read")
    secret = made["token"].rpartition("_")[2].encode()
    assert secret not in api.get("/api/v1/tokens").data
    for key in redis.scan_iter("*"):
        stored = redis.dump(key)
        assert stored is not None
        assert secret not in stored


def test_a_revoked_token_is_worth_nothing(app: Flask, api: FlaskClient) -> None:
    made = make(api, "read")
    client = bearer(app, made)
    assert client.get("/api/v1/tasks").status_code == 200
    assert api.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert client.get("/api/v1/tasks").status_code == 401
    assert api.delete(f"/api/v1/tokens/{made['id']}").status_code == 404


def test_an_expired_token_is_worth_nothing(api: FlaskClient, settings: Settings) -> None:
    made = make(api, "read", expires_in=60)
    now = datetime.now(UTC)
    assert tokens.identify(made["token"], settings, now) is not None
    assert tokens.identify(made["token"], settings, now + timedelta(seconds=61)) is None


def test_use_is_noted(app: Flask, api: FlaskClient) -> None:
    client = bearer(app, make(api, "read"))
    assert api.get("/api/v1/tokens").get_json()["tokens"][0]["last_used_at"] is None
    client.get("/api/v1/tasks")
    assert api.get("/api/v1/tokens").get_json()["tokens"][0]["last_used_at"] is not None


@pytest.mark.parametrize(
    "change",
    [lambda t: t[:-1], lambda t: t + "x", lambda t: t[:20] + "A" + t[21:], lambda t: "ns_" + "0" * 12 + t[15:]],
)
def test_a_token_that_differs_in_one_place_is_wrong(app: Flask, api: FlaskClient, change: Any) -> None:
    made = make(api, "read")
    changed = made | {"token": change(made["token"])}
    assert changed["token"] == made["token"] or bearer(app, changed).get("/api/v1/tasks").status_code == 401


def test_patterns_hide_all_other_tasks(app: Flask, api: FlaskClient) -> None:
    other = api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}).headers["Location"]
    client = bearer(app, make(api, "read", "enqueue", "operate", tasks=["web_tests.re*"]))
    assert {task["name"] for task in client.get("/api/v1/tasks").get_json()["tasks"]} == {
        "web_tests.report",
        "web_tests.read",
    }
    assert client.get("/api/v1/tasks/web_tests.add").status_code == 404
    assert client.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}).status_code == 403
    own = client.post("/api/v1/jobs", json={"task": "web_tests.report", "args": {"rows": 1}})
    assert own.status_code == 202
    assert [job["task"] for job in client.get("/api/v1/jobs").get_json()["jobs"]] == ["web_tests.report"]
    for path in (other, f"{other}/result", f"{other}/log", f"{other}/artifacts/x"):
        assert client.get(path).status_code == 404
    for method, path in (("POST", f"{other}/cancel"), ("POST", f"{other}/retry"), ("DELETE", other)):
        assert client.open(path, method=method).status_code == 404
    assert api.get(other).get_json()["status"] == "queued"


def test_a_queue_is_not_emptied_by_who_may_not_see_all_of_it(app: Flask, api: FlaskClient) -> None:
    api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}})
    client = bearer(app, make(api, "operate", tasks=["web_tests.re*"]))
    answer = client.post("/api/v1/queues/default/empty", json={"confirm": "default"})
    assert (answer.status_code, "about jobs of all tasks" in answer.get_json()["detail"]) == (403, True)
    assert api.post("/api/v1/queues/default/empty", json={"confirm": "default"}).get_json()["canceled"] == 1


def test_callers_do_not_share_idempotency_keys(app: Flask, api: FlaskClient) -> None:
    one, two = (bearer(app, make(api, "enqueue")) for _ in range(2))
    body = {"task": "web_tests.add", "args": {"a": 1}}
    made = [
        client.post("/api/v1/jobs", json=body, headers={"Idempotency-Key": "k"}).get_json()["id"]
        for client in (one, two)
    ]
    assert made[0] != made[1]


@pytest.mark.parametrize(
    "given",
    [
        {"scopes": []},
        {"scopes": ["root"]},
        {"name": ""},
        {"name": "a\nb"},
        {"tasks": []},
        {"tasks": ["[a"]},
        {"expires_in": 0},
    ],
)
def test_what_makes_no_token_is_422(api: FlaskClient, given: dict[str, Any]) -> None:
    assert api.post("/api/v1/tokens", json={"name": "shop", "scopes": ["read"]} | given).status_code == 422


def test_who_made_and_ended_a_token_is_in_the_audit(api: FlaskClient) -> None:
    made = make(api, "read")
    api.delete(f"/api/v1/tokens/{made['id']}")
    acts = [(entry["action"], entry["subject"]) for entry in api.get("/api/v1/audit").get_json()["entries"]]
    assert acts == [("token.revoke", made["id"]), ("token.create", made["id"])]
