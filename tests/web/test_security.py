"""Headers, hosts and proxies."""

import gzip

import pytest
from flask.testing import FlaskClient

from jobs.logs import carried
from jobs.settings import Settings
from tests.hearing import hearing
from web import create_app


@pytest.mark.parametrize("path", ["/livez", "/docs", "/openapi.json", "/api/v1/tasks", "/nothing"])
def test_every_answer_is_protected(anyone: FlaskClient, path: str) -> None:
    headers = anyone.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert len(headers["X-Request-ID"]) == 32


def test_https_is_kept(anyone: FlaskClient) -> None:
    assert (
        anyone.get("/livez", base_url="https://localhost").headers["Strict-Transport-Security"].startswith("max-age=")
    )


def test_only_trusted_hosts_are_answered(settings: Settings) -> None:
    client = create_app(settings.model_copy(update={"trusted_hosts": ("jobs.example",)})).test_client()
    assert client.get("/livez", base_url="http://jobs.example").status_code == 200
    refused = client.get("/livez", base_url="http://evil.example")
    assert (refused.status_code, refused.mimetype) == (400, "application/problem+json")


def test_forwarded_addresses_are_believed_only_from_declared_proxies(settings: Settings) -> None:
    forwarded = {"X-Forwarded-For": "6.6.6.6, 10.9.8.7", "X-Forwarded-Proto": "https"}
    for hops, address, secure in ((0, "127.0.0.1", False), (1, "10.9.8.7", True), (2, "6.6.6.6", True)):
        client = create_app(settings.model_copy(update={"proxy_hops": hops})).test_client()
        with hearing() as lines:
            answer = client.get("/version", headers=forwarded)
        assert next(line for line in lines if line["event"] == "request")["client"] == address
        assert ("Strict-Transport-Security" in answer.headers) is secure


def test_compressed_bodies_are_refused_unread(api: FlaskClient) -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    answer = api.post(
        "/api/v1/jobs", data=bomb, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "given", ["short", "x" * 65, "with space", "line\tbreak", "ünïcödé-id".encode().decode("latin-1")]
)
def test_a_request_id_that_could_confuse_a_log_is_replaced(anyone: FlaskClient, given: str) -> None:
    assert anyone.get("/livez", headers={"X-Request-ID": given}).headers["X-Request-ID"] != given


def test_a_trace_context_goes_into_the_log(anyone: FlaskClient) -> None:
    anyone.get("/version", headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    assert carried()["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    anyone.get("/version", headers={"traceparent": "00-" + "0" * 32 + "-b7ad6b7169203331-01"})
    assert "trace_id" not in carried()
