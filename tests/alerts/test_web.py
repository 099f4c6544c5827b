"""The web process looks by itself."""

from __future__ import annotations

import json

import pytest
from redis import Redis

from jobs import dispatch
from jobs.alerts import keys
from jobs.dispatch import JobRequest
from jobs.settings import Settings
from tests.tasks.conftest import Answer, Sites
from tests.web.site import free_port, start_web
from tests.worker.waiting import eventually

from .conftest import SECRET

pytestmark = pytest.mark.processes


def test_of_several_web_processes_one_tells(redis: Redis, settings: Settings, site: Sites) -> None:
    people = site(lambda _: Answer())
    dispatch.submit(JobRequest(task="web_tests.add", args={"a": 1}))
    given = {"ALERT_EVERY": "0.2", "ALERT_AFTER": "0.5", "ALERT_CLEAR_AFTER": "0", "ALERT_RULES": "workers"}
    told = {"ALERT_WEBHOOK_URL": people.url, "WEBHOOK_SECRET": SECRET, "WEB_CONCURRENCY": "2"}
    web = start_web(free_port(), settings.redis_url.get_secret_value(), **given, **told)
    try:
        eventually(lambda: people.asked, 20)
        redis.delete("rq:queue:default")
        eventually(lambda: len(people.asked) == 2)
        eventually(lambda: redis.exists(keys.STATE) == 0)
    finally:
        web.terminate()
        web.wait(20)
    assert [json.loads(asked.body)["type"] for asked in people.asked] == ["alert.fired", "alert.cleared"]
