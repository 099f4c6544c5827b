"""The gate: what no rule opens stays closed."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.settings import Settings
from jobs.tokens import Scope
from web import create_app
from web.access import PUBLIC, access_of

OPEN = {"/livez", "/readyz", "/version", "/openapi.json", "/docs", "/docs/<name>", "/static/<digest>/<path:name>"}


def test_every_route_is_decided_and_only_the_listed_ones_are_open(app: Flask) -> None:
    undecided = [rule.rule for rule in app.url_map.iter_rules() if access_of(app, rule.endpoint) is None]
    opened = {rule.rule for rule in app.url_map.iter_rules() if access_of(app, rule.endpoint) == PUBLIC}
    assert undecided == []
    assert opened == OPEN


def test_every_route_of_the_api_needs_a_scope(app: Flask) -> None:
    routes = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")]
    assert routes
    assert all(isinstance(access_of(app, rule.endpoint), Scope) for rule in routes)


def test_a_route_that_nobody_decided_on_is_closed(app: Flask, api: FlaskClient) -> None:
    app.add_url_rule("/api/v1/forgotten", "forgotten", lambda: "open")
    app.add_url_rule("/forgotten", "forgotten_page", lambda: "open")
    assert api.get("/api/v1/forgotten").status_code == 403
    assert api.get("/forgotten").status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_nothing_of_the_api_is_told_without_a_token(anyone: FlaskClient, method: str) -> None:
    for path in ("/api/v1/tasks", "/api/v1/jobs", "/api/v1/jobs/x/result", "/api/v1/nothing", "/api/"):
        answer = anyone.open(path, method=method)
        assert (path, answer.status_code) == (path, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic YTpi",
        "Bearer an api token that only tests us",
        "Bearer \xff\x00",
    ],
)
def test_a_wrong_token_opens_nothing(anyone: FlaskClient, given: str) -> None:
    answer = anyone.get("/api/v1/tasks", headers={"Authorization": given})
    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["type"] == "urn:nightshift:problem:unauthorized"


def test_without_a_token_in_the_settings_nobody_gets_in(settings: Settings) -> None:
    client = create_app(settings.model_copy(update={"api_token": None})).test_client()
    for given in ("Bearer ", "Bearer None", "Bearer  "):
        assert client.get("/api/v1/tasks", headers={"Authorization": given}).status_code == 401


def test_the_scheme_is_read_in_any_case(anyone: FlaskClient, settings: Settings) -> None:
    assert settings.api_token is not None
    given = f"bEARER {settings.api_token.get_secret_value()}"
    assert anyone.get("/api/v1/tasks", headers={"Authorization": given}).status_code == 200
