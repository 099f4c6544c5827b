"""Webhooks arrive signed, and what the receiver says decides what happens next."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

import tasks.webhooks
from jobs import Discard, RetryLater, enqueue
from jobs.errors import InvalidArguments
from jobs.inline import Inline
from jobs.outbound import OutboundFailed, OutboundRefused
from jobs.registry import find
from jobs.settings import Settings, use_settings
from tasks.webhooks import DeliveryFailed, deliver
from tests.tasks.conftest import Answer, Asked, Attempts, Sites

SECRET = "whsec_" + "c2VjcmV0" * 4
OTHER_SECRET = "whsec_" + "b3RoZXJz" * 4


def attempts(url: str, **more: object) -> Attempts:
    return Attempts("webhooks.deliver", {"url": url, "type": "invoice.paid", "data": {"id": 7}} | more)


def said(status: int, **headers: str) -> Answer:
    return Answer(status, b"a reason", {name.replace("_", "-"): value for name, value in headers.items()})


def test_a_receiver_can_verify_what_arrives(site: Sites, outward: Settings, inline: Inline) -> None:
    server = site(lambda asked: Answer(body=b"thanks"))
    job = enqueue(deliver, f"{server.url}/hook?a=b", "invoice.paid", {"id": 7, "name": "Łódź"})
    (asked,) = server.asked
    message = Webhook(SECRET).verify(asked.body, dict(asked.headers))
    assert message["type"] == "invoice.paid"
    assert message["data"] == {"id": 7, "name": "Łódź"}
    assert (asked.method, asked.path, asked.headers["webhook-id"]) == ("POST", "/hook?a=b", job.id)
    assert job.result == {"status": 200, "url": f"{server.url}/hook?a=b", "reply": "thanks"}


def test_a_receiver_has_its_own_secret(site: Sites, outward: Settings, inline: Inline) -> None:
    server = site(lambda asked: Answer(204))
    enqueue(deliver, server.url, "ping", None, secret=OTHER_SECRET)
    (asked,) = server.asked
    Webhook(OTHER_SECRET).verify(asked.body, dict(asked.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(asked.body, dict(asked.headers))


def test_a_second_attempt_sends_the_same_message(site: Sites, outward: Settings) -> None:
    answers = iter([said(500), said(200)])
    server = site(lambda asked: next(answers))
    job = attempts(server.url)
    with pytest.raises(DeliveryFailed, match="500: a reason"):
        job.run()
    job.run()
    first, second = server.asked
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "a1b2c3"


def test_the_time_of_the_event_can_be_given(site: Sites, outward: Settings) -> None:
    server = site(lambda asked: Answer())
    attempts(server.url, timestamp="2026-11-20T08:00:00+01:00").run()
    assert json.loads(server.asked[0].body)["timestamp"] == "2026-11-20T08:00:00+01:00"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_trouble_is_tried_again(status: int, site: Sites, outward: Settings) -> None:
    server = site(lambda asked: said(status))
    with pytest.raises(DeliveryFailed) as caught:
        attempts(server.url).run()
    assert find("webhooks.deliver").retry.wants(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_a_refusal_is_final(status: int, site: Sites, outward: Settings) -> None:
    server = site(lambda asked: said(status))
    with pytest.raises(Discard, match=str(status)):
        attempts(server.url).run()


def test_retry_after_in_seconds_is_obeyed(site: Sites, outward: Settings) -> None:
    server = site(lambda asked: said(429, Retry_After="120"))
    with pytest.raises(RetryLater, match="120 s") as caught:
        attempts(server.url).run()
    assert caught.value.seconds == 120


def test_retry_after_as_a_date_is_obeyed(site: Sites, outward: Settings) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    server = site(lambda asked: said(503, Retry_After=later))
    with pytest.raises(RetryLater) as caught:
        attempts(server.url).run()
    assert 295 < caught.value.seconds <= 300


def test_a_permanent_redirect_that_keeps_the_method_is_followed(site: Sites, outward: Settings, inline: Inline) -> None:
    def script(asked: Asked) -> Answer:
        return Answer() if asked.path == "/new" else Answer(308, headers={"Location": "/new"})

    server = site(script)
    job = enqueue(deliver, f"{server.url}/old", "ping", 1)
    assert job.result["url"] == f"{server.url}/new"
    assert server.asked[1].body == server.asked[0].body


def test_a_redirect_that_would_lose_the_message_is_a_refusal(site: Sites, outward: Settings) -> None:
    server = site(lambda asked: said(302, Location="/login"))
    with pytest.raises(Discard, match="302"):
        attempts(server.url).run()


def test_nobody_there_is_tried_again(outward: Settings) -> None:
    with pytest.raises(OutboundFailed) as caught:
        attempts("http://127.0.0.1:1024/").run()
    assert find("webhooks.deliver").retry.wants(caught.value)


def test_an_address_inside_is_refused_for_good(settings: Settings, outward: Settings) -> None:
    use_settings(Settings.model_validate(outward.model_dump() | {"NIGHTSHIFT_ENV": "test", "outbound_allow": ()}))
    with pytest.raises(OutboundRefused) as caught:
        attempts("http://169.254.169.254/latest/meta-data").run()
    assert not find("webhooks.deliver").retry.wants(caught.value)


def test_without_a_secret_nothing_is_sent(site: Sites, settings: Settings) -> None:
    server = site(lambda asked: Answer())
    with pytest.raises(Discard, match="WEBHOOK_SECRET"):
        attempts(server.url).run()
    assert server.asked == []


def test_a_secret_that_is_not_base64_is_said_so(site: Sites, outward: Settings) -> None:
    with pytest.raises(Discard, match="base64"):
        attempts("http://127.0.0.1:1024/", secret="whsec_x" + "=" * 30).run()


def test_a_long_reply_is_kept_in_part(site: Sites, outward: Settings, inline: Inline) -> None:
    server = site(lambda asked: Answer(body=b"y" * 1_000_000))
    assert len(enqueue(deliver, server.url, "ping", 1).result["reply"]) == 2_048


def test_headers_of_ours_cannot_be_replaced(outward: Settings) -> None:
    with pytest.raises(Discard, match="Webhook-Signature"):
        attempts("http://127.0.0.1:1024/", headers={"Webhook-Signature": "v1,mine"}).run()


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://example.com/"},
        {"url": "not an address"},
        {"type": "two words"},
        {"headers": {"X-A": "a\r\nX-B: b"}},
        {"headers": {"X A": "a"}},
        {"timestamp": "2026-11-20T08:00:00"},
        {"secret": "short"},
    ],
)
def test_wrong_arguments_are_refused_before_a_job_exists(wrong: dict[str, object]) -> None:
    fine = {"url": "https://example.com/", "type": "ping", "data": 1}
    assert find("webhooks.deliver").validate(fine)["url"] == "https://example.com/"
    with pytest.raises(InvalidArguments):
        find("webhooks.deliver").validate(fine | wrong)


def test_extra_headers_are_sent(site: Sites, outward: Settings) -> None:
    server = site(lambda asked: Answer())
    attempts(server.url, headers={"Authorization": "Bearer t"}).run()
    assert server.asked[0].headers["Authorization"] == "Bearer t"
    assert server.asked[0].headers["User-Agent"].startswith("Nightshift/")
    assert tasks.webhooks.__doc__
