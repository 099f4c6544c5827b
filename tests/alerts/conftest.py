"""A watch that a test drives, with short patience, and people who hear what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from jobs import alerts
from jobs.alerts import Watch
from jobs.settings import Settings, use_settings
from tests.tasks.conftest import Answer, Sites
from tests.tasks.conftest import Site as HttpSite
from tests.tasks.conftest import site as site
from tests.web.conftest import run_jobs as run_jobs

SECRET = "whsec_" + "c2VjcmV0" * 4

Tuned = Callable[..., Settings]


@pytest.fixture
def tuned(settings: Settings, site: Sites) -> Tuned:
    """Change settings for this test; marks are low, and nothing has to last."""

    def change(**more: Any) -> Settings:
        quick = {"NIGHTSHIFT_ENV": "test", "alert_after": 0, "alert_clear_after": 0, "alert_redis_after": 0}
        chosen = Settings.model_validate(settings.model_dump() | quick | more)
        use_settings(chosen)
        return chosen

    return change


@dataclass
class People:
    """Who hear of incidents by webhook."""

    server: HttpSite
    watch: Watch

    def look(self, later: timedelta = timedelta(0)) -> list[str]:
        """Look once; gives what was said since the last time, as `fired workers` or `cleared workers`."""
        before = len(self.server.asked)
        self.watch.turn(datetime.now(UTC) + later)
        return [self._words(asked.body) for asked in self.server.asked[before:]]

    @staticmethod
    def _words(body: bytes) -> str:
        message = json.loads(body)
        return f"{message['type'].removeprefix('alert.')} {message['data']['rule']}"

    @property
    def last(self) -> dict[str, Any]:
        """The newest message's data."""
        found: dict[str, Any] = json.loads(self.server.asked[-1].body)["data"]
        return found


Listen = Callable[..., People]


@pytest.fixture
def listen(tuned: Tuned, site: Sites) -> Listen:
    """People who hear of one rule."""

    def begin(rule: str, **more: Any) -> People:
        server = site(lambda _: Answer())
        chosen = tuned(alert_rules=(rule,), alert_webhook_url=server.url, webhook_secret=SECRET, **more)
        return People(server, Watch(chosen))

    return begin


def wrong(redis: Redis) -> list[tuple[str, str]]:
    """Rule and subject of what is wrong now."""
    redis.ping()
    return [(str(incident.rule), incident.subject) for incident in alerts.active()]
