"""Which route has an address."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import MapAdapter

from web.routing import fixed_addresses


def test_an_address_that_is_looked_up_has_the_route_that_werkzeug_finds(app: Flask) -> None:
    fixed = fixed_addresses(app.url_map)
    assert ("/api/v1/jobs", "POST") in fixed
    for (path, method), rule in fixed.items():
        found = MapAdapter(app.url_map, "localhost", "/", "", "http", path, method).match(return_rule=True)
        assert found == (rule, {})


def test_what_is_not_looked_up_is_answered_by_werkzeug(api: FlaskClient) -> None:
    assert api.get("/api/v1/jobs/").status_code == 404
    refused = api.delete("/api/v1/jobs")
    assert refused.status_code == 405
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert api.get("/api/v1//tasks").headers["Location"].endswith("/api/v1/tasks")
