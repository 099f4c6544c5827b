"""Schedules made and changed in the dashboard."""

from __future__ import annotations

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from jobs import registry, schedules
from jobs.schedules import Definition

from .conftest import Visitor
from .hand import greet

FORM = {
    "id": "greet.daily",
    "task": "hand.greet",
    "args": '{"name": "Ada", "api_key": "sk-very-secret"}',
    "kind": "cron",
    "cron": "0 17 * * mon-fri",
    "timezone": "Europe/Berlin",
    "overlap": "skip",
    "catchup": "latest",
    "description": "a greeting",
    "enabled": "1",
}


@pytest.fixture(autouse=True)
def _server(redis: Redis) -> None:
    """Everything here changes a real server."""
    registry.task_of(greet)


def send(admin: Visitor, path: str, **form: str) -> TestResponse:
    return admin.send(path, {"csrf_token": admin.token("/schedules/+new"), **form})


def stored(name: str = "greet.daily") -> Definition:
    found = schedules.get_schedule(name).definition
    assert found
    return found


def test_a_schedule_is_made(admin: Visitor) -> None:
    assert send(admin, "/schedules/+new", **FORM).location == "/schedules/greet.daily"
    assert (stored().cron, stored().timezone, stored().args["name"]) == ("0 17 * * MON-FRI", "Europe/Berlin", "Ada")


def test_the_preview_says_in_words_and_dates_what_the_form_means(admin: Visitor) -> None:
    page = send(admin, "/schedules/+preview", **FORM).text
    assert "17:00" in page
    assert "Europe/Berlin time" in page
    assert page.count("<li>") == 6
    assert schedules.list_schedules() == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cron": "61 * * * *"}, "61"),
        ({"kind": "every", "every": "0"}, "the interval must be"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"args": "not json"}, "not JSON"),
        ({"args": "[]"}, "JSON object"),
        ({"args": '{"nobody": 1}'}, "nobody"),
        ({"id": "a b"}, "letters"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_made(admin: Visitor, change: dict[str, str], told: str) -> None:
    answer = send(admin, "/schedules/+new", **(FORM | change))
    assert answer.status_code == 422
    assert told in answer.text.split('role="alert"><span')[1].split("</div>")[0]
    assert schedules.list_schedules() == []


def test_a_name_that_is_taken_is_told(admin: Visitor) -> None:
    send(admin, "/schedules/+new", **FORM)
    assert "already" in send(admin, "/schedules/+new", **FORM).text


def test_an_edit_changes_what_was_changed_and_keeps_hidden_arguments(admin: Visitor) -> None:
    send(admin, "/schedules/+new", **FORM)
    page = admin.open("/schedules/greet.daily/edit").text
    assert "sk-very-secret" not in page
    shown = FORM | {"args": '{"name": "Ada", "api_key": "[hidden]"}', "cron": "0 18 * * *", "revision": revision()}
    assert send(admin, "/schedules/greet.daily/edit", **shown).status_code == 303
    assert (stored().cron, stored().args["api_key"]) == ("0 18 * * *", "sk-very-secret")


def test_an_edit_keeps_the_phase_of_an_interval(admin: Visitor) -> None:
    fields = {"id": "greet.daily", "task": "hand.greet", "args": {"name": "x"}, "every": 3600, "phase": 60}
    schedules.create(fields, actor="somebody")
    form = {**FORM, "kind": "every", "every": "1", "unit": "hours", "timezone": "UTC", "revision": revision()}
    assert send(admin, "/schedules/greet.daily/edit", **form).status_code == 303
    assert (stored().every, stored().phase, stored().description) == (3600, 60, "a greeting")


def test_an_edit_of_what_somebody_else_has_changed_is_refused(admin: Visitor) -> None:
    send(admin, "/schedules/+new", **FORM)
    before = revision()
    schedules.edit("greet.daily", {"description": "theirs"}, actor="somebody")
    answer = send(admin, "/schedules/greet.daily/edit", **(FORM | {"revision": before}))
    assert answer.status_code == 422
    assert "changed meanwhile" in answer.text
    assert stored().description == "theirs"


def test_a_schedule_made_here_can_be_removed(admin: Visitor) -> None:
    send(admin, "/schedules/+new", **FORM)
    assert send(admin, "/schedules/greet.daily/remove").location == "/schedules"
    assert schedules.list_schedules() == []


def revision() -> str:
    return str(schedules.get_schedule("greet.daily").revision)
