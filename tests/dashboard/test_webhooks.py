"""Webhooks in the pages: made, tested, sent again, and never a secret twice."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from redis import Redis

from jobs import tokens, webhooks
from jobs.settings import Settings, use_settings
from jobs.tokens import Scope
from jobs.webhooks import Event
from tests.tasks.conftest import Answer, Sites
from tests.tasks.conftest import site as http_site
from tests.web.conftest import run_jobs as run_jobs

from .conftest import Visitor

site = http_site
SAFE = "https://93.184.215.14/hook"


@pytest.fixture(autouse=True)
def _server(redis: Redis) -> None:
    """Everything here changes a real server."""


def send(person: Visitor, path: str, **form: str | list[str]) -> str:
    page = "/webhooks" if path == "/webhooks" else "/".join(path.split("/")[:3])
    return person.send(path, {"csrf_token": person.token(page), **form}, follow_redirects=True).text


def test_a_webhook_is_made_and_its_secret_is_shown_once(admin: Visitor) -> None:
    page = send(admin, "/webhooks", url=SAFE, event=["job.dead"], tasks="mail.*, web.*", description="the shop")
    secret = re.search(r"whsec_[\w+/=]{44}", page)
    assert secret
    [made] = webhooks.all_webhooks()
    assert (made.url, made.events, made.tasks) == (SAFE, (Event.DEAD,), ("mail.*", "web.*"))
    for path in ("/webhooks", f"/webhooks/{made.id}"):
        shown = admin.open(path).text
        assert SAFE in shown
        assert secret[0] not in shown
    assert re.search(r"whsec_[\w+/=]{44}", send(admin, f"/webhooks/{made.id}/rotate"))


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"url": "http://127.0.0.1/", "event": "job.dead"}, "not a public address"),
        ({"url": "nonsense", "event": "job.dead"}, "must begin with http"),
        ({"url": SAFE}, "Choose at least one event"),
        ({"url": SAFE, "event": "job.dead", "tasks": "%"}, "Tasks are patterns"),
        ({"url": SAFE, "event": "job.dead", "description": "x" * 201}, "one line of at most 200"),
    ],
)
def test_what_cannot_be_made_is_told_and_the_form_keeps_it(admin: Visitor, form: dict[str, str], problem: str) -> None:
    page = send(admin, "/webhooks", **form)
    assert problem in page
    assert f'value="{form["url"]}"' in page
    assert webhooks.all_webhooks() == []


def test_a_ping_is_listed_and_sent_again(
    admin: Visitor, settings: Settings, site: Sites, run_jobs: Callable[[], int]
) -> None:
    server = site(lambda _: Answer(500, b"<script>broken</script>"))
    use_settings(settings.model_copy(update={"outbound_allow": ("127.0.0.0/8",)}))
    made, _ = webhooks.create(server.url, [Event.DEAD], by="tester")
    assert "on its way" in send(admin, f"/webhooks/{made.id}/test")
    run_jobs()
    page = admin.open(f"/webhooks/{made.id}").text
    assert "it answered 500" in page
    assert "&lt;script&gt;broken" in page
    [one] = webhooks.list_deliveries(made.id)
    assert "on its way again" in send(admin, f"/webhooks/{made.id}/deliveries/{one.id}/redeliver")
    run_jobs()
    assert len(server.asked) == 2
    assert "No delivery has the id" in send(admin, f"/webhooks/{made.id}/deliveries/9-9/redeliver")


def test_it_is_switched_off_and_on_and_removed(admin: Visitor) -> None:
    made, _ = webhooks.create(SAFE, [Event.DEAD], by="tester")
    assert "hears nothing" in send(admin, f"/webhooks/{made.id}/switch", active="0")
    assert not webhooks.get(made.id).active
    send(admin, f"/webhooks/{made.id}/switch", active="1")
    assert webhooks.get(made.id).active
    assert "is removed" in send(admin, f"/webhooks/{made.id}/delete")
    assert admin.open(f"/webhooks/{made.id}").status_code == 404


def test_a_narrow_token_sees_only_what_it_may_hear(app: Flask) -> None:
    whole, _ = webhooks.create(SAFE, [Event.DEAD], by="tester")
    mail, _ = webhooks.create(SAFE + "/mail", [Event.DEAD], tasks=["mail.*"], by="tester")
    _, text = tokens.create("the shop", [Scope.OPERATE], by="tester", tasks=["mail.*"])
    person = Visitor(app.test_client(), "203.0.113.77")
    assert person.log_in(text).status_code == 303
    assert [one.id in person.open("/webhooks").text for one in (whole, mail)] == [False, True]
    assert [person.open(f"/webhooks/{one.id}").status_code for one in (whole, mail)] == [404, 200]
    assert "New webhook" not in person.open("/webhooks").text
