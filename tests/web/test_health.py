"""Live, ready, and which release."""

import pytest
from flask.testing import FlaskClient

from jobs import connection
from jobs.settings import Settings


@pytest.mark.usefixtures("redis")
def test_ready_names_what_is_missing(anyone: FlaskClient) -> None:
    answer = anyone.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json()["checks"] == {"redis": True, "workers": False, "clock": False}


def test_live_does_not_need_redis_but_ready_does(anyone: FlaskClient, settings: Settings) -> None:
    connection.use_client(connection.connect(settings))
    try:
        assert anyone.get("/livez").status_code == 200
        assert anyone.get("/readyz").get_json()["checks"]["redis"] is False
    finally:
        connection.use_client(None)


def test_the_release_is_told(anyone: FlaskClient) -> None:
    assert anyone.get("/version").get_json() == {"release": "dev", "api": "v1"}
