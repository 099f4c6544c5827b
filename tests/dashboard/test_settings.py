"""Tokens made and revoked in the dashboard, and the facts of the installation."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from jobs import tokens
from jobs.settings import Settings
from jobs.tokens import Scope

from .conftest import PASSWORD, Visitor


@pytest.fixture(autouse=True)
def _server(redis: Redis) -> None:
    """Everything here changes a real server."""


def make(admin: Visitor, **form: str | list[str]) -> TestResponse:
    data: dict[str, object] = {"csrf_token": admin.token("/settings"), **form}
    return admin.send("/settings/tokens", data)


def test_a_token_is_shown_once_and_works(admin: Visitor, settings: Settings) -> None:
    page = make(admin, name="the shop", scope=["read", "enqueue"], tasks="mail.*", days="30").text
    text = re.search(r"ns_[0-9a-f]{12}_[\w-]{43}", page)
    assert text
    caller = tokens.identify(text[0], settings, datetime.now(UTC))
    assert caller
    assert (caller.scopes, caller.tasks) == (frozenset({Scope.READ, Scope.ENQUEUE}), ("mail.*",))
    again = admin.open("/settings")
    assert "the shop" in again.text
    assert text[0] not in again.text
    assert all(text[0] not in value for _, value in again.headers)


def test_a_token_without_a_scope_is_refused_and_the_form_keeps_its_name(admin: Visitor) -> None:
    answer = make(admin, name="the shop")
    assert answer.status_code == 422
    assert 'value="the shop"' in answer.text
    assert not tokens.all_tokens()


def test_a_revoked_token_ends_at_once(admin: Visitor) -> None:
    made, _ = tokens.create("the shop", [Scope.READ], by="somebody")
    admin.send(f"/settings/tokens/{made.id}/revoke", {"csrf_token": admin.token("/settings")})
    assert not tokens.all_tokens()
    admin.send(f"/settings/tokens/{made.id}/revoke", {"csrf_token": admin.token("/settings")})
    assert "No token has the id" in admin.open("/settings").text


def test_no_secret_of_the_environment_is_shown(admin: Visitor, settings: Settings) -> None:
    page = admin.open("/settings").text
    assert PASSWORD not in page
    for secret in (settings.secret_key, settings.api_token, settings.redis_url):
        assert secret
        assert secret.get_secret_value() not in page
