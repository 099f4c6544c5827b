"""Replies get lost between the server and us, and nothing is done twice."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from redis import Redis

from jobs import connection
from jobs.settings import Settings
from tests.web.lossy import LossyWire


@pytest.fixture
def wire(redis: Redis, redis_url: str, settings: Settings) -> Iterator[LossyWire]:
    """The process' own client, over a wire that loses every second reply of a script."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as name:
        address = Path(name, "lossy.sock")
        with LossyWire(address, Path(redis_url.removeprefix("unix://").partition("?")[0])) as wire:
            client = connection.connect(settings.model_copy(update={"redis_url": _secret(address, settings)}))
            connection.use_client(client)
            yield wire
            connection.use_client(redis)
            client.close()
            wire.shutdown()


def _secret(address: Path, settings: Settings) -> object:
    return type(settings.redis_url)(f"unix://{address}")


def test_a_thousand_enqueues_with_lost_replies_are_a_thousand_jobs(
    api: FlaskClient, wire: LossyWire, redis: Redis
) -> None:
    ids = {
        api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": number}}).get_json()["id"]
        for number in range(1000)
    }
    assert wire.lost == 1000
    assert len(ids) == 1000
    assert redis.llen("rq:queue:default") == 1000
    assert redis.zcard("ns:jobs") == 1000


def test_what_is_done_to_a_job_is_answered_as_done_although_the_reply_was_lost(
    api: FlaskClient, wire: LossyWire, redis: Redis
) -> None:
    here = api.post("/api/v1/jobs", json={"task": "web_tests.add", "args": {"a": 1}}).headers["Location"]
    for act in ("cancel", "retry", "cancel"):
        assert api.post(f"{here}/{act}").status_code == 202
    assert api.delete(here).status_code == 204
    assert wire.lost == 5
    assert redis.llen("rq:queue:default") == 0
