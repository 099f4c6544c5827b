"""The document says the truth about every route, and can be read without a network."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.tokens import Scope
from jobs.webhooks import Event
from jobs.webhooks.sending import PING
from web.access import access_of


@pytest.fixture
def document(anyone: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = anyone.get("/openapi.json").get_json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, op) for path, item in document["paths"].items() for method, op in item.items()]


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.1"
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_route_of_the_api_is_in_it(app: Flask, document: dict[str, Any]) -> None:
    routed = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    documented = {(path, method) for path, method, _ in operations(document) if path.startswith("/api/")}
    assert documented == routed


def test_each_operation_names_its_scope_and_its_problems(app: Flask, document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation["summary"], path
        assert "503" in operation["responses"]
        problem = operation["responses"]["503"]["content"]["application/problem+json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/ProblemView"}
        if path.startswith("/api/"):
            assert operation["security"] == [{"token": []}], (path, method)
            assert operation["x-required-scope"] in set(Scope)
            assert {"401", "403"} <= set(operation["responses"])


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    references = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
    assert references
    assert references <= set(schemas)


def test_operation_ids_are_unique_and_stable(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert "create_job" in ids


def test_every_message_that_webhooks_are_sent_is_in_it(document: dict[str, Any]) -> None:
    assert set(document["webhooks"]) == {*Event, PING}
    asked = document["webhooks"]["job.dead"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    message = document["components"]["schemas"][asked["$ref"].rpartition("/")[2]]
    assert message["properties"]["data"] == {"$ref": "#/components/schemas/JobData"}


def test_the_page_needs_nothing_from_elsewhere(anyone: FlaskClient) -> None:
    page = anyone.get("/docs")
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith(("/", "data:"))
        if address.startswith("/docs"):
            found = anyone.get(address)
            assert (found.status_code, len(found.data) > 100) == (200, True)
    assert anyone.get("/docs/other.js").status_code == 404


def test_the_gate_reads_the_same_marks(app: Flask) -> None:
    assert access_of(app, "jobs.create_job") is Scope.ENQUEUE
