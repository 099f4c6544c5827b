"""The form that a task's schema makes, and what it enqueues."""

from __future__ import annotations

import io
import json
import shlex
from html import unescape
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field
from redis import Redis
from werkzeug.test import TestResponse

from jobs import File, monitor, task, with_options
from jobs.registry import find
from web.dashboard import forms

from .conftest import Visitor
from .hand import greet


@task(name="hand.everything")
def everything(
    text: str,
    count: Annotated[int, Field(ge=1, le=9)] = 3,
    share: float | None = None,
    size: Literal["small", "large"] = "small",
    loud: bool = False,
    people: list[str] | None = None,
    photo: File | None = None,
) -> None:
    """Take one of everything."""


@pytest.fixture(autouse=True)
def _server(redis: Redis) -> None:
    """Everything here enqueues on a real server."""


def fill(admin: Visitor, form: dict[str, Any], task_name: str = "hand.everything") -> TestResponse:
    token = admin.token(f"/jobs/new?task={task_name}")
    return admin.send("/jobs/new", {"csrf_token": token, "task": task_name, **form})


def test_each_type_has_its_control() -> None:
    kinds = {field.name: field.kind for field in forms.fields(find("hand.everything"), {}, {})}
    assert kinds == {
        "text": "text",
        "count": "number",
        "share": "number",
        "size": "choice",
        "loud": "flag",
        "people": "json",
        "photo": "file",
    }


def test_a_filled_in_form_enqueues_a_job(admin: Visitor) -> None:
    form = {"arg-text": "hello", "arg-count": "5", "arg-loud": "true", "arg-people": '["Ada"]', "arg-share": ""}
    answer = fill(admin, {**form, "queue": "low", "priority": "high", "tags": "one, two", "delay": "60"})
    assert answer.status_code == 303
    job = monitor.get_job(answer.location.rsplit("/", 1)[1])
    assert job.args == {"text": "hello", "count": 5, "loud": True, "people": ["Ada"]}
    assert (job.queue, job.priority, job.tags, job.status) == ("low", "high", ("one", "two"), "scheduled")
    assert "<dt>Priority</dt><dd>high</dd>" in admin.open(f"/jobs/{job.id}").text


def test_a_file_can_be_uploaded_in_the_form(admin: Visitor) -> None:
    answer = fill(admin, {"arg-text": "x", "arg-photo": (io.BytesIO(b"bytes of a photo" * 20_000), "photo.png")})
    job = monitor.get_job(answer.location.rsplit("/", 1)[1])
    assert File(job.args["photo"]).name == "photo.png"
    assert File(job.args["photo"]).size == 320_000


def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(admin: Visitor) -> None:
    answer = fill(admin, {"arg-text": "keep me", "arg-count": "77", "arg-people": "not json"})
    assert answer.status_code == 422
    assert 'value="keep me"' in answer.text
    assert "less than or equal to 9" in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    assert not monitor.list_jobs().jobs


def test_a_delay_that_is_no_number_is_told(admin: Visitor) -> None:
    answer = fill(admin, {"arg-text": "x", "delay": "tomorrow"})
    assert answer.status_code == 422
    assert "must be a number of seconds" in answer.text


def test_the_curl_line_says_the_same_as_the_form(admin: Visitor) -> None:
    token = admin.token("/jobs/new?task=hand.everything")
    filled = {"arg-text": "it's $HOME", "arg-count": "5", "delay": "60", "priority": "low"}
    form = {"csrf_token": token, "task": "hand.everything", **filled}
    page = unescape(admin.send("/jobs/new/curl", form).text)
    words = shlex.split(page[page.index('curl -H "Auth') : page.index("</pre>")].split("\n\n")[-1])
    body = json.loads(words[words.index("-d") + 1])
    assert body == {
        "task": "hand.everything",
        "args": {"photo": "file_…", "text": "it's $HOME", "count": 5},
        "priority": "low",
        "delay": 60,
    }
    assert words[-1] == "http://localhost/api/v1/jobs"


def test_a_job_can_be_the_start_of_another(admin: Visitor) -> None:
    job = with_options(greet, priority="high").enqueue("Ada", times=7)
    page = admin.open(f"/jobs/new?task=hand.greet&like={job.id}").text
    assert 'value="Ada"' in page
    assert 'value="7"' in page
    assert "<option selected>high</option>" in page


def test_a_priority_that_there_is_not_is_told(admin: Visitor) -> None:
    answer = fill(admin, {"arg-text": "x", "priority": "urgent"})
    assert answer.status_code == 422
    assert "must be high or normal or low" in answer.text


def test_an_unknown_task_is_not_found(admin: Visitor) -> None:
    assert admin.open("/jobs/new?task=nothing").status_code == 404
