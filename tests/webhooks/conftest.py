"""Events of real jobs, told to real HTTP servers on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from redis import Redis

from jobs import recovery, webhooks
from jobs.settings import Settings, use_settings
from jobs.webhooks import Event, Outbox, Webhook
from tests.tasks.conftest import Answer, Asked, Script, Sites
from tests.tasks.conftest import Site as HttpSite
from tests.tasks.conftest import site as site
from tests.web.conftest import run_jobs as run_jobs
from web.outgoing import MESSAGES

EVERYTHING = tuple(Event)


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    """Settings that let loopback through the guard."""
    chosen = settings.model_copy(update={"outbound_allow": ("127.0.0.0/8",)})
    use_settings(chosen)
    return chosen


@dataclass
class Hook:
    """A webhook and the server it calls."""

    webhook: Webhook
    secret: str
    server: HttpSite

    @property
    def heard(self) -> list[dict[str, Any]]:
        """The messages that arrived; each is what the OpenAPI document says."""
        messages = [json.loads(asked.body) for asked in self.server.asked]
        for message in messages:
            model, _ = MESSAGES[message["type"]]
            read = model.model_validate(message).model_dump(exclude_unset=True)
            assert (read.keys(), read["data"].keys()) == (message.keys(), message["data"].keys())
        return messages

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.heard]


Hooks = Callable[..., Hook]


@pytest.fixture
def hook(redis: Redis, open_settings: Settings, site: Sites) -> Hooks:
    """Make a webhook whose receiver answers by a script, 200 when none is given."""

    def make(script: Script = lambda _: Answer(), events: Any = EVERYTHING, **more: Any) -> Hook:
        server = site(script)
        made, secret = webhooks.create(f"{server.url}/hook", events, by="tester", **more)
        return Hook(made, secret, server)

    return make


@pytest.fixture
def deliver(redis: Redis, open_settings: Settings, run_jobs: Callable[[], int]) -> Callable[[], int]:
    """Run what waits, send the outbox and run the deliveries; gives how many deliveries were made."""
    outbox = Outbox(redis, open_settings)

    def turn() -> int:
        run_jobs()
        made = outbox.send()
        run_jobs()
        return made

    return turn


def due_now(redis: Redis) -> None:
    """Let what waits for its time wait no longer."""
    for member in cast("list[bytes]", redis.zrange("rq:scheduled:default", 0, -1)):
        redis.zadd("rq:scheduled:default", {member: 1})
    recovery.promote(redis)


def answering(*statuses: int) -> Script:
    """Give these answers in turn; the last one stays."""
    left = list(statuses)

    def script(_: Asked) -> Answer:
        return Answer(left.pop(0) if len(left) > 1 else left[0], b"because")

    return script
