"""Webhooks by the API: the secret is shown once, and no token hears of more than it may see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from standardwebhooks import Webhook as Verifier

from jobs import tokens
from jobs.settings import Settings, use_settings
from jobs.tokens import Scope
from jobs.webhooks import Outbox
from tests.tasks.conftest import Answer, Sites
from tests.tasks.conftest import site as http_site

site = http_site


@pytest.fixture
def address(app: Flask, settings: Settings, site: Sites) -> str:
    """A receiver that takes everything; the guard lets it through."""
    use_settings(settings.model_copy(update={"outbound_allow": ("127.0.0.0/8",), "rate_limit": 0}))
    return site(lambda _: Answer(body=b"thanks")).url + "/hook"


def make(api: FlaskClient, url: str, **more: Any) -> dict[str, Any]:
    answer = api.post("/api/v1/webhooks", json={"url": url, "events": ["job.finished"]} | more)
    assert answer.status_code == 201, answer.json
    found: dict[str, Any] = answer.get_json()
    assert answer.headers["Location"] == f"/api/v1/webhooks/{found['id']}"
    return found


def bearer(app: Flask, *scopes: Scope, tasks: tuple[str, ...] = ("*",)) -> FlaskClient:
    _, text = tokens.create("other", scopes, by="tester", tasks=tasks)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return client


def test_a_webhook_is_made_changed_and_removed(redis: Redis, api: FlaskClient, address: str) -> None:
    made = make(api, address, tasks=["mail.*"], description="the shop")
    assert made["secret"].startswith("whsec_")
    here = f"/api/v1/webhooks/{made['id']}"
    shown = api.get(here).get_json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert api.get("/api/v1/webhooks").get_json() == {"webhooks": [shown]}
    changed = api.patch(here, json={"active": False, "events": ["job.dead", "job.failed"]}).get_json()
    assert changed == shown | {"active": False, "events": ["job.dead", "job.failed"]}
    assert api.patch(here, json={}).get_json() == changed
    assert api.post(f"{here}/rotate").get_json()["secret"] not in ("", made["secret"])
    assert api.delete(here).status_code == 204
    for method, path in (("GET", here), ("PATCH", here), ("DELETE", here), ("POST", f"{here}/test")):
        answer = api.open(path, method=method, json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.get_json()["type"]) == (404, "urn:nightshift:problem:webhook-missing")
    assert [entry["action"] for entry in api.get("/api/v1/audit").get_json()["entries"]] == [
        "webhook.delete",
        "webhook.rotate",
        "webhook.change",
        "webhook.create",
    ]


def test_a_test_message_arrives_is_listed_and_sent_again(
    redis: Redis, api: FlaskClient, address: str, run_jobs: Callable[[], int]
) -> None:
    made = make(api, address)
    here = f"/api/v1/webhooks/{made['id']}"
    sent = api.post(f"{here}/test")
    assert sent.status_code == 202
    run_jobs()
    [listed] = api.get(f"{here}/deliveries").get_json()["deliveries"]
    assert (listed["type"], listed["status"], listed["delivered"]) == ("webhook.ping", 200, True)
    assert (listed["event"], listed["job"], listed["response"]) == (
        *map(sent.get_json().get, ("event", "job")),
        "thanks",
    )
    assert api.post(f"{here}/deliveries/{listed['id']}/redeliver").status_code == 202
    run_jobs()
    page = api.get(f"{here}/deliveries?limit=1")
    assert page.get_json()["deliveries"][0]["event"] == listed["event"]
    assert f'<{page.get_json()["next"]}>; rel="next"' == page.headers["Link"]
    assert api.get(page.get_json()["next"]).get_json()["deliveries"] == [listed]
    for wrong in ("1-1", "x", "+"):
        assert api.post(f"{here}/deliveries/{wrong}/redeliver").status_code == 404
    api.delete(f"/api/v1/jobs/{listed['job']}")
    assert api.post(f"{here}/deliveries/{listed['id']}/redeliver").status_code == 409


def test_a_job_posted_over_http_is_told(
    redis: Redis, api: FlaskClient, settings: Settings, app: Flask, site: Sites, run_jobs: Callable[[], int]
) -> None:
    receiver = site(lambda _: Answer())
    use_settings(settings.model_copy(update={"outbound_allow": ("127.0.0.0/8",), "rate_limit": 0}))
    made = make(api, receiver.url)
    job = api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}).get_json()
    run_jobs()
    assert Outbox(redis, settings).send() == 1
    run_jobs()
    [asked] = receiver.asked
    assert Verifier(made["secret"]).verify(asked.body, dict(asked.headers))["data"]["id"] == job["id"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://169.254.169.254/latest"},
        {"url": "http://localhost:6379"},
        {"url": "ftp://example.com"},
        {"url": "https://user:word@example.com"},
        {"events": []},
        {"events": ["job.everything"]},
        {"tasks": []},
        {"description": "two\nlines"},
        {"secret": "mine"},
    ],
)
def test_what_makes_no_webhook_is_422(redis: Redis, api: FlaskClient, wrong: dict[str, Any]) -> None:
    given = {"url": "https://93.184.215.14/hook", "events": ["job.dead"]}
    assert api.post("/api/v1/webhooks", json=given | wrong).status_code == 422
    made = make(api, "https://93.184.215.14/hook")
    assert api.patch(f"/api/v1/webhooks/{made['id']}", json=wrong).status_code == 422


def test_there_is_an_end_to_how_many_there_may_be(redis: Redis, api: FlaskClient) -> None:
    given = {"url": "https://93.184.215.14/hook", "events": ["job.dead"]}
    answers = [api.post("/api/v1/webhooks", json=given).status_code for _ in range(101)]
    assert answers == [201] * 100 + [409]


def test_a_token_hears_only_of_the_tasks_it_may_see(redis: Redis, app: Flask, api: FlaskClient) -> None:
    url = "https://93.184.215.14/hook"
    whole, mail = make(api, url), make(api, url, tasks=["mail.*"])
    narrow = bearer(app, Scope.ADMIN, Scope.OPERATE, tasks=("mail.*",))
    assert [one["id"] for one in narrow.get("/api/v1/webhooks").get_json()["webhooks"]] == [mail["id"]]
    for path, method in ((f"/api/v1/webhooks/{whole['id']}", verb) for verb in ("GET", "DELETE", "PATCH")):
        assert narrow.open(path, method=method, json={}).status_code == 404
    for tasks, status in ((["*"], 403), (["mail.*", "web.*"], 403), (["mail.send", "mail.*"], 201)):
        given = {"url": url, "events": ["job.dead"], "tasks": tasks}
        assert narrow.post("/api/v1/webhooks", json=given).status_code == status
    assert narrow.patch(f"/api/v1/webhooks/{mail['id']}", json={"tasks": ["*"]}).status_code == 403


def test_deliveries_quote_jobs_of_any_task_so_whom_patterns_limit_does_not_see_them(
    redis: Redis, app: Flask, api: FlaskClient
) -> None:
    hook = make(api, "https://93.184.215.14/hook")["id"]
    job = api.post(f"/api/v1/webhooks/{hook}/test").get_json()["job"]
    whole, narrow = (bearer(app, Scope.READ, Scope.OPERATE, tasks=(tasks,)) for tasks in ("*", "mail.*"))
    assert [client.get(f"/api/v1/jobs/{job}").status_code for client in (whole, narrow)] == [200, 404]
    assert [len(client.get("/api/v1/jobs").get_json()["jobs"]) for client in (whole, narrow)] == [1, 0]


def test_operators_see_and_test_but_only_admins_change(redis: Redis, app: Flask, api: FlaskClient) -> None:
    here = f"/api/v1/webhooks/{make(api, 'https://93.184.215.14/hook')['id']}"
    operator, reader = bearer(app, Scope.OPERATE), bearer(app, Scope.READ)
    assert (operator.get(here).status_code, reader.get(here).status_code) == (200, 403)
    assert operator.post(f"{here}/test").status_code == 202
    for method, path in (("POST", f"{here}/rotate"), ("DELETE", here), ("PATCH", here), ("POST", "/api/v1/webhooks")):
        assert operator.open(path, method=method, json={}).status_code == 403
