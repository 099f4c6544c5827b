"""What is wrong is seen by API, command line and dashboard, as far as the one who looks may see it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from jobs import tokens
from jobs.alerts import incidents
from jobs.alerts.readings import Level, Reading, Rule
from jobs.tokens import Scope
from tests.cli.conftest import asked, said
from tests.dashboard.conftest import Visitor
from tests.dashboard.conftest import admin as admin
from tests.dashboard.conftest import visitor as visitor
from tests.web.conftest import api as api
from tests.web.conftest import app as app
from tests.web.conftest import rate_limit as rate_limit

from .conftest import Tuned

SEEN = [
    Reading(Rule.LATENCY, "low", Level.BAD, "queue low: the oldest job has waited 12 min"),
    Reading(Rule.FAILURES, "", Level.BAD, "20 of 20 attempts of mail.<b> failed within 5 minutes (100%)"),
]


@pytest.fixture(autouse=True)
def _two_incidents(redis: Redis, tuned: Tuned) -> None:
    incidents.judge(SEEN, tuned())


def test_the_api_lists_them(api: FlaskClient) -> None:
    found = api.get("/api/v1/alerts").get_json()["alerts"]
    assert {one["rule"]: one["text"] for one in found} == {one.rule.value: one.text for one in SEEN}
    assert found[0]["since"]


def test_a_narrow_token_reads_of_no_tasks(app: Flask) -> None:
    _, text = tokens.create("shop", [Scope.READ], by="tester", tasks=["web.*"])
    answer = app.test_client().get("/api/v1/alerts", headers={"Authorization": f"Bearer {text}"})
    assert [one["rule"] for one in answer.get_json()["alerts"]] == ["latency"]


def test_the_command_line_tells_them() -> None:
    assert "Queue low: the oldest job has waited 12 min." in said("status", code=1)
    assert {one["rule"] for one in asked("status", code=1)["alerts"]} == {"latency", "failures"}


def test_the_first_page_tells_them(admin: Visitor) -> None:
    page = admin.open("/").text
    assert "Queue low: the oldest job has waited 12 min, since" in page
    assert "mail.&lt;b&gt; failed" in page
