"""What each role may open and do: every page and action of the dashboard, walked through with a token of each scope."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from redis import Redis

from jobs import audit, bulk, enqueue, queues, tokens
from jobs.dispatch import JobRequest, submit
from jobs.settings import Settings, use_settings
from jobs.tokens import Scope
from web.dashboard.roles import NEEDS

from .conftest import Visitor
from .hand import greet

pytestmark = pytest.mark.usefixtures("redis")

OPEN = {"dashboard.login", "dashboard.try_login"}
ROLES = {
    "viewer": {Scope.READ},
    "operator": {Scope.READ, Scope.ENQUEUE, Scope.OPERATE},
    "admin": {Scope.ADMIN},
}
GIVES = {"viewer": ROLES["viewer"], "operator": ROLES["operator"], "admin": set(Scope)}
_addresses: Iterator[int] = iter(range(1, 250))


def visit(app: Flask, presented: str) -> Visitor:
    """Log in from a new address."""
    visitor = Visitor(app.test_client(), f"198.51.100.{next(_addresses)}")
    assert visitor.log_in(presented).status_code == 303
    return visitor


def bearer(app: Flask, *scopes: Scope, tasks: tuple[str, ...] = ("*",)) -> tuple[tokens.Token, Visitor]:
    """Somebody who is logged in with a token."""
    made, text = tokens.create("the shop", scopes, by="tests", tasks=tasks)
    return made, visit(app, text)


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Every endpoint of the dashboard with each of its methods and a path."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("dashboard.") and rule.endpoint not in OPEN | {"dashboard.logout"}:
            _, path = rule.build(dict.fromkeys(rule.arguments, "x"), append_unknown=False) or ("", "")
            for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
                yield rule.endpoint, method, path


def test_every_page_and_action_has_its_scope(app: Flask) -> None:
    assert {endpoint for endpoint, _, _ in routes(app)} | {"dashboard.logout"} == set(NEEDS)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_it_may_and_nothing_else(app: Flask, role: str) -> None:
    _, person = bearer(app, *ROLES[role])
    checked = 0
    for endpoint, method, path in routes(app):
        # Without its CSRF token a form that a role may send is refused as well, but with 400: nothing is changed here.
        status = person.client.open(path, method=method).status_code
        assert (status == 403) is (NEEDS[endpoint] not in GIVES[role]), (endpoint, method, status)
        assert method == "GET" or status in {400, 403}, (endpoint, status)
        checked += 1
    assert checked > 25


def test_what_nobody_decided_on_is_an_admins(app: Flask) -> None:
    app.add_url_rule("/forgotten", "dashboard.forgotten", lambda: "open")
    assert bearer(app, Scope.OPERATE)[1].open("/forgotten").status_code == 403
    assert bearer(app, Scope.ADMIN)[1].open("/forgotten").status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/jobs", "/failures", "/queues", "/schedules", "/workers", "/tasks", "/settings"]
)
def test_a_viewer_is_shown_no_action(app: Flask, path: str) -> None:
    enqueue(greet, "Ada")
    _, person = bearer(app, Scope.READ)
    page = person.open(path).text
    assert set(re.findall(r'method="post" action="([^"]+)"', page)) <= {"/logout", "/jobs/selected"}
    assert "data-confirm" not in page
    assert "/audit" not in page
    assert "New job" not in page


def test_a_token_that_may_only_enqueue_opens_no_page_and_is_told_why(app: Flask, visitor: Visitor) -> None:
    _, text = tokens.create("the shop", [Scope.ENQUEUE], by="tests")
    answer = visitor.log_in(text)
    assert answer.status_code == 403
    assert "needs the scope read" in answer.text


def test_who_may_only_operate_enqueues_nothing(app: Flask) -> None:
    _, person = bearer(app, Scope.OPERATE)
    assert person.open("/jobs/new").status_code == 403
    assert person.open("/jobs").status_code == 200


def test_a_revoked_token_ends_its_session_at_the_next_request(app: Flask) -> None:
    made, person = bearer(app, Scope.READ)
    assert person.open("/jobs").status_code == 200
    tokens.revoke(made.id, by="tests")
    assert person.open("/jobs").location == "/login?next=/jobs"
    assert person.poll("/jobs").status_code == 401


def test_an_expired_token_ends_its_session(app: Flask, redis: Redis) -> None:
    made, person = bearer(app, Scope.READ)
    redis.hset(f"ns:token:{made.id}", "expires_at", (datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    assert person.open("/jobs").status_code == 303


def test_another_api_token_in_the_settings_ends_the_sessions_of_the_old_one(app: Flask, settings: Settings) -> None:
    person = visit(app, "an api token that only tests use")
    assert person.open("/audit").status_code == 200
    values = settings.model_dump() | {"api_token": "another api token of tests"}
    use_settings(Settings.model_validate(values | {"NIGHTSHIFT_ENV": "test"}))
    assert person.open("/audit").status_code == 303


def test_the_audit_log_names_the_token(app: Flask) -> None:
    made, person = bearer(app, Scope.OPERATE)
    person.send("/queues/default/pause", {"csrf_token": person.token("/queues"), "note": "why not"})
    assert "default" in queues.paused()
    assert audit.entries(limit=1)[0].actor == f"the shop ({made.id})"


def test_patterns_of_a_token_hold_in_the_pages(app: Flask) -> None:
    job = enqueue(greet, "a name that nobody else has")
    _, person = bearer(app, Scope.READ, Scope.ENQUEUE, Scope.OPERATE, tasks=("mail.*",))
    form = {"csrf_token": person.token("/jobs/new?task=mail.send")}
    for path in ("/", "/jobs", "/tasks", "/failures", "/jobs/new?task=mail.send"):
        page = person.open(path)
        assert page.status_code == 200, path
        assert job.id not in page.text
        assert "hand.greet" not in page.text
    for path in (f"/jobs/{job.id}", "/jobs/new?task=hand.greet", f"/jobs/new?like={job.id}&task=mail.send"):
        assert person.open(path).status_code == 404, path
    person.send(f"/jobs/{job.id}/cancel", form)
    person.send("/jobs/selected", form | {"verb": "cancel", "id": job.id})
    assert enqueue(greet, "again").id != job.id
    assert visit(app, "an admin password of tests").open(f"/jobs/{job.id}").text.count("canceled") == 0


def test_jobs_of_nightshift_itself_are_for_operators(app: Flask) -> None:
    args = {"action": "delete", "choice": {"status": "failed"}, "by": "somebody"}
    job = submit(JobRequest(task=bulk.NAME, args=args))
    viewer = bearer(app, Scope.READ)[1].open("/").text
    assert job.id not in viewer
    assert bulk.NAME not in viewer
    assert "None of the newest jobs is yours to see" in viewer
    assert job.id in bearer(app, Scope.READ, Scope.OPERATE)[1].open("/").text
