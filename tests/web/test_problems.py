"""Errors are problem documents that tell a person what to do and nobody how we are built."""

import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.hearing import hearing
from web.access import public


@pytest.fixture
def broken(app: Flask) -> FlaskClient:
    """A client of an app with one route that breaks."""

    def break_down() -> str:
        raise RuntimeError("the password is hunter2")

    app.add_url_rule("/broken", "broken", public(break_down))
    return app.test_client()


def test_an_unexpected_error_tells_nothing_but_can_be_found_in_the_log(broken: FlaskClient) -> None:
    with hearing() as lines:
        answer = broken.get("/broken", headers={"X-Request-ID": "0123456789"})
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert problem["request_id"] == "0123456789"
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text
    assert "RuntimeError" in repr(next(line for line in lines if line["event"] == "request failed")["exc_info"])


def test_an_unknown_route_is_a_problem_for_those_who_have_a_token(api: FlaskClient) -> None:
    answer = api.get("/api/v1/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.get_json()["instance"] == "/api/v1/nothing"


def test_a_wrong_method_names_the_right_ones(api: FlaskClient) -> None:
    answer = api.put("/api/v1/tasks")
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert "GET" in answer.headers["Allow"]


def test_a_task_that_does_not_exist_is_404(api: FlaskClient) -> None:
    answer = api.get("/api/v1/tasks/no.such")
    assert answer.get_json()["type"] == "urn:nightshift:problem:unknown-task"


@pytest.mark.parametrize("path", ["/api/v1/tasks", "/api/v1/jobs", "/api/v1/nowhere"])
def test_neither_problems_nor_private_data_are_ever_stored(anyone: FlaskClient, api: FlaskClient, path: str) -> None:
    for client in (anyone, api):
        assert client.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "body",
    [b"{bad", b"NaN", b'{"task": "\\ud800"}', b"[" * 900, b"1" * 5000, b"\xff\xfe", b'{"task": "x"} more'],
)
def test_a_body_that_is_no_json_is_400_and_says_where(api: FlaskClient, body: bytes) -> None:
    answer = api.post("/api/v1/jobs", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["type"]) == (400, "urn:nightshift:problem:bad-json")
    assert re.search(r"the body is not JSON: .* at line 1 column \d+", answer.get_json()["detail"])


class _Wire(io.RawIOBase):
    """What a server reads a body from: it ends with what has come, or in an error."""

    def __init__(self, came: bytes | Exception) -> None:
        self._came = came

    def read(self, size: int = -1) -> bytes:
        if isinstance(self._came, Exception):
            raise self._came
        came, self._came = self._came, b""
        return came


@pytest.mark.parametrize("ends", [False, True])  # gunicorn's input ends by itself, that of other servers does not
@pytest.mark.parametrize(
    "came",
    [b'{"task": "web_tests.trace"}', b"", ConnectionResetError("reset"), ValueError("read of closed file")],
    ids=["cut", "empty", "reset", "closed"],
)
def test_a_body_that_did_not_arrive_whole_is_not_acted_on(
    api: FlaskClient, came: bytes | Exception, ends: bool
) -> None:
    told = {"wsgi.input": _Wire(came), "CONTENT_LENGTH": "40", "wsgi.input_terminated": ends}
    answer = api.post("/api/v1/jobs", content_type="application/json", environ_overrides=told)
    assert (answer.status_code, answer.get_json()["type"]) == (400, "urn:nightshift:problem:bad-request")
