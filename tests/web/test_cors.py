"""Pages of other sites may call the API when their origin is named, and only then."""

import pytest
from flask.testing import FlaskClient
from redis import Redis

from jobs.settings import Settings
from web import create_app

SHOP = "https://shop.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
def client(settings: Settings, redis: Redis) -> FlaskClient:
    return create_app(settings.model_copy(update={"cors_origins": (SHOP,)})).test_client()


def test_a_browser_is_told_in_advance_what_a_named_origin_may_send(client: FlaskClient) -> None:
    told = client.options("/api/v1/jobs", headers=PREFLIGHT | {"Origin": SHOP})
    assert (told.status_code, told.headers["Access-Control-Allow-Origin"]) == (204, SHOP)
    assert "POST" in told.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Idempotency-Key"} <= set(told.headers["Access-Control-Allow-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in told.headers


def test_a_named_origin_reads_answers_and_problems(client: FlaskClient, settings: Settings) -> None:
    assert settings.api_token is not None
    token = {"Authorization": f"Bearer {settings.api_token.get_secret_value()}"}
    for headers, status in (({}, 401), (token, 200)):
        answer = client.get("/api/v1/tasks", headers=headers | {"Origin": SHOP})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, SHOP)
        assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "https://shop.example.com.evil.example", "null", ""])
def test_others_are_told_nothing_but_not_to_reuse_an_answer(client: FlaskClient, origin: str) -> None:
    for answer in (
        client.options("/api/v1/jobs", headers=PREFLIGHT | {"Origin": origin}),
        client.get("/api/v1/tasks", headers={"Origin": origin}),
    ):
        assert answer.status_code == 401
        assert [name for name, _ in answer.headers if name.startswith("Access-Control")] == []
        assert answer.headers["Vary"] == "Origin"


def test_pages_are_never_open_to_other_origins(client: FlaskClient) -> None:
    assert "Access-Control-Allow-Origin" not in client.get("/login", headers={"Origin": SHOP}).headers


def test_nobody_is_let_in_by_default(anyone: FlaskClient) -> None:
    told = anyone.options("/api/v1/jobs", headers=PREFLIGHT | {"Origin": SHOP})
    assert (told.status_code, "Access-Control-Allow-Origin" in told.headers, "Vary" in told.headers) == (
        401,
        False,
        False,
    )
