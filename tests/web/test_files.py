"""Files over HTTP, against a real server."""

import io
import os
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from redis import Redis

from jobs.settings import Settings
from web import create_app

pytestmark = pytest.mark.usefixtures("redis")


def test_a_raw_upload_comes_back_byte_for_byte(api: FlaskClient) -> None:
    data = os.urandom(3_000_000)
    stored = api.post("/api/v1/files?name=photo.jpg", data=data, content_type="image/jpeg")
    assert stored.status_code == 201
    shown = stored.get_json()
    assert (shown["name"], shown["content_type"], shown["size"]) == ("photo.jpg", "image/jpeg", len(data))
    assert api.get(stored.headers["Location"]).get_json() == shown
    download = api.get(shown["content"])
    assert download.data == data
    assert download.headers["Content-Length"] == str(len(data))
    assert download.headers["Content-Disposition"] == "attachment; filename=photo.jpg"
    assert download.headers["X-Content-Type-Options"] == "nosniff"


def test_a_form_upload_is_the_same(api: FlaskClient, run_jobs: Callable[[], int]) -> None:
    stored = api.post(
        "/api/v1/files", data={"file": (io.BytesIO(b"a,b\n1,2\n"), "rows.csv", "text/csv; charset=utf-8")}
    )
    shown = stored.get_json()
    assert (shown["name"], shown["content_type"], shown["size"]) == ("rows.csv", "text/csv", 8)
    job = api.post("/api/v1/jobs", json={"task": "web_tests.read", "args": {"file": shown["id"]}})
    run_jobs()
    assert api.get(f"{job.headers['Location']}/result").get_json()["result"] == 8


def test_a_large_form_is_taken_piece_by_piece(api: FlaskClient) -> None:
    data = os.urandom(400_000)  # the test client keeps larger bodies in a temporary file that it never closes
    stored = api.post("/api/v1/files", data={"file": (io.BytesIO(data), "rows.csv")})
    assert stored.status_code == 201
    assert api.get(stored.get_json()["content"]).data == data


def test_ranges_are_served(api: FlaskClient) -> None:
    content = api.post("/api/v1/files", data=b"0123456789").get_json()["content"]
    part = api.get(content, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    outside = api.get(content, headers={"Range": "bytes=20-30"})
    assert outside.status_code == 416
    assert outside.mimetype == "application/problem+json"


def test_a_known_file_is_304(api: FlaskClient) -> None:
    content = api.post("/api/v1/files", data=b"0123456789").get_json()["content"]
    etag = api.get(content).headers["ETag"]
    assert api.get(content, headers={"If-None-Match": etag}).status_code == 304
    assert api.get(content).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", [False, True])
def test_a_file_above_the_limit_is_413_and_leaves_nothing(settings: Settings, redis: Redis, form: bool) -> None:
    limited = settings.model_copy(update={"file_max_bytes": 100_000, "rate_limit": 0})
    client = create_app(limited).test_client()
    assert settings.api_token is not None
    headers = {"Authorization": f"Bearer {settings.api_token.get_secret_value()}"}
    data = b"x" * 100_001
    answer = client.post("/api/v1/files", data={"file": (io.BytesIO(data), "x")} if form else data, headers=headers)
    problem = answer.get_json()
    assert (answer.status_code, problem["limit"], problem["setting"]) == (413, 100_000, "FILE_MAX_BYTES")
    assert redis.keys("ns:file:*") == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\\b\\c.txt", "c.txt"),
        ('quo"te.txt', 'quo"te.txt'),
        ("line\r\nX-Evil: 1.txt", "lineX-Evil: 1.txt"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("\x1b[31mred", "[31mred"),
        ("/", "file"),
        ("ü" * 300, None),
    ],
)
def test_names_are_made_harmless(api: FlaskClient, given: str, kept: str | None) -> None:
    answer = api.post("/api/v1/files", query_string={"name": given}, data=b"x")
    if kept is None:
        assert answer.status_code == 422
        return
    assert answer.get_json()["name"] == kept
    download = api.get(answer.get_json()["content"])
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert "X-Evil" not in download.headers


def test_a_stored_page_is_never_rendered_on_our_origin(api: FlaskClient) -> None:
    shown = api.post(
        "/api/v1/files?name=x.html", data=b"<script>alert(1)</script>", content_type="text/html"
    ).get_json()
    download = api.get(shown["content"])
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in download.headers["Content-Security-Policy"]
    assert "script-src" not in download.headers["Content-Security-Policy"]


def test_a_file_that_does_not_exist_is_404(api: FlaskClient) -> None:
    for file_id in ("file_" + "0" * 32, "x"):
        assert api.get(f"/api/v1/files/{file_id}").status_code == 404
        assert api.get(f"/api/v1/files/{file_id}/content").status_code == 404


def test_a_form_with_two_files_is_422_and_stores_neither(api: FlaskClient, redis: Redis) -> None:
    form = {"file": [(io.BytesIO(b"one"), "a.txt"), (io.BytesIO(b"two"), "b.txt")]}
    answer = api.post("/api/v1/files", data=form)
    assert (answer.status_code, redis.keys("ns:file:*")) == (422, [])
    assert "exactly one file" in answer.get_json()["detail"]


def test_a_form_of_too_many_parts_is_told_so(api: FlaskClient) -> None:
    form = {f"field{n}": "x" for n in range(30)} | {"file": (io.BytesIO(b"one"), "a.txt")}
    problem = api.post("/api/v1/files", data=form).get_json()
    assert (problem["status"], "limit" in problem) == (413, False)
    assert "20 parts" in problem["detail"]


def test_a_form_without_a_file_is_422(api: FlaskClient) -> None:
    answer = api.post("/api/v1/files", data={"other": "x"}, content_type="multipart/form-data")
    assert answer.status_code == 422
