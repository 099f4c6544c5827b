"""Who gets in, for how long, and what a form must carry."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import cast

import pytest
from flask import Flask, session
from flask.sessions import SecureCookieSession
from werkzeug.local import LocalProxy

from jobs.settings import Settings, use_settings

from .conftest import PASSWORD, Visitor


def test_every_page_is_closed_to_a_stranger(app: Flask, visitor: Visitor) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("dashboard.")]
    pages = [rule for rule in rules if "GET" in (rule.methods or ()) and rule.endpoint != "dashboard.login"]
    assert len(pages) >= 4
    for rule in pages:
        _, path = rule.build(dict.fromkeys(rule.arguments, "x"), append_unknown=False) or ("", "")
        answer = visitor.open(path)
        assert (answer.status_code, answer.location.split("?")[0]) == (303, "/login"), path


def test_the_right_password_opens_the_page_that_was_asked_for(visitor: Visitor) -> None:
    assert visitor.open("/jobs?status=failed").location == "/login?next=/jobs?status%3Dfailed"
    form = {"csrf_token": visitor.token(), "password": PASSWORD, "next": "/jobs?status=failed"}
    assert visitor.send("/login", form).location == "/jobs?status=failed"


def test_a_wrong_password_opens_nothing_and_says_so(visitor: Visitor) -> None:
    answer = visitor.log_in("a guess")
    assert answer.status_code == 403
    assert "That is neither the password nor a valid token." in answer.text
    assert visitor.open("/").status_code == 303


def test_after_five_wrong_passwords_even_the_right_one_waits(visitor: Visitor) -> None:
    assert [visitor.log_in("a guess").status_code for _ in range(5)] == [403] * 5
    answer = visitor.log_in()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert "Wait a minute" in answer.text


def test_the_throttle_of_one_address_leaves_others_alone(visitor: Visitor) -> None:
    for _ in range(5):
        visitor.log_in("a guess")
    assert Visitor(visitor.client, "198.51.100.7").log_in().status_code == 303


def test_no_password_means_that_nobody_gets_in(settings: Settings, app: Flask, visitor: Visitor) -> None:
    token = visitor.token()
    use_settings(settings.model_copy(update={"admin_password": None}))
    assert visitor.send("/login", {"csrf_token": token, "password": ""}).status_code == 403
    assert "set ADMIN_PASSWORD" in visitor.open("/login").text


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_login_never_leads_to_another_site(visitor: Visitor, target: str) -> None:
    form = {"csrf_token": visitor.token(), "password": PASSWORD, "next": target}
    assert visitor.send("/login", form).location == "/"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(visitor: Visitor) -> None:
    cookie = visitor.log_in().headers["Set-Cookie"]
    assert cookie.startswith("nightshift=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_over_https_the_cookie_is_bound_to_this_host(visitor: Visitor) -> None:
    cookie = visitor.log_in(base_url="https://localhost").headers["Set-Cookie"]
    assert cookie.startswith("__Host-nightshift=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_login_starts_another_session_with_other_tokens(visitor: Visitor) -> None:
    visitor.token()
    with visitor.client.session_transaction() as before:
        before["planted"] = "by somebody who knew this cookie"
        old = before["csrf_token"]
    visitor.log_in()
    with visitor.client.session_transaction() as after:
        assert "planted" not in after
        assert after["csrf_token"] != old


@pytest.mark.usefixtures("redis")
def test_a_form_without_its_token_is_refused(admin: Visitor) -> None:
    assert admin.send("/logout", {}).status_code == 400
    assert admin.send("/logout", {"csrf_token": "made up"}).status_code == 400
    assert admin.send("/login", {"password": PASSWORD}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused_even_with_a_token(visitor: Visitor, headers: dict[str, str]) -> None:
    form = {"csrf_token": visitor.token(), "password": PASSWORD}
    assert visitor.send("/login", form, headers=headers).status_code == 403
    assert visitor.open("/").status_code == 303


def test_our_own_origin_is_accepted(visitor: Visitor) -> None:
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert (
        visitor.send("/login", {"csrf_token": visitor.token(), "password": PASSWORD}, headers=headers).status_code
        == 303
    )


@pytest.mark.parametrize(("mark", "age"), [("seen", 30 * 60 + 1), ("at", 12 * 3600 + 1)])
def test_a_session_ends_when_idle_for_30_minutes_and_after_12_hours(admin: Visitor, mark: str, age: float) -> None:
    assert admin.open("/login").status_code == 303
    with admin.client.session_transaction() as session:
        session[mark] = time() - age
    assert admin.open("/login").status_code == 200


def test_another_password_ends_the_sessions_of_the_old_one(settings: Settings, admin: Visitor) -> None:
    values = settings.model_dump() | {"admin_password": "another password of tests"}
    use_settings(Settings.model_validate(values | {"NIGHTSHIFT_ENV": "test"}))
    assert admin.open("/login").status_code == 200


def test_a_poll_without_a_session_leads_to_the_login(visitor: Visitor) -> None:
    answer = visitor.poll("/jobs?status=failed")
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=/jobs?status%3Dfailed"


def test_nothing_is_changed_by_following_a_link(admin: Visitor) -> None:
    assert admin.open("/logout").status_code == 405
    assert admin.open("/login").status_code == 303


def test_a_form_that_waited_in_another_tab_can_still_be_sent(visitor: Visitor) -> None:
    token = visitor.token()
    assert visitor.open("/").status_code == 303
    assert visitor.send("/login", {"csrf_token": token, "password": PASSWORD}).status_code == 303


def test_a_form_without_a_session_says_what_to_do(visitor: Visitor) -> None:
    assert "This form has expired" in visitor.send("/login", {"password": PASSWORD}).text


@pytest.mark.usefixtures("redis")
def test_logout_ends_every_copy_of_the_cookie(admin: Visitor, app: Flask) -> None:
    stolen = admin.client.get_cookie("nightshift")
    assert stolen
    assert admin.send("/logout", {"csrf_token": admin.token("/")}).location == "/login"
    assert admin.open("/").status_code == 303
    thief = app.test_client()
    thief.set_cookie("nightshift", stolen.value)
    assert thief.get("/").status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.update(id="x"),
        lambda session: session.setdefault("id", "x"),
        lambda session: session.__setitem__("id", "x"),
        lambda session: session.__ior__({"id": "x"}),
        lambda session: setattr(session, "permanent", True),
        lambda session: session.clear(),
    ],
)
def test_a_call_of_the_api_cannot_leave_anything_in_the_session_that_all_have(
    app: Flask, change: Callable[[SecureCookieSession], object]
) -> None:
    with app.test_request_context("/api/v1/tasks"), pytest.raises(RuntimeError, match="session is unavailable"):
        change(cast("LocalProxy[SecureCookieSession]", session)._get_current_object())
    with app.test_request_context("/api/v1/tasks"):
        assert not session
