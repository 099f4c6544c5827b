"""What happens to jobs is told to those who asked: signed, in their order, until they have answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from redis import Redis
from standardwebhooks import Webhook as Verifier

from jobs import audit, control, dispatch, monitor, webhooks
from jobs.dispatch import JobRequest
from jobs.errors import DeliveryMissing, WebhookConflict, WebhookMissing, WebhookRefused
from jobs.settings import Settings, use_settings
from jobs.webhooks import Event, Outbox, changing, keys
from tests.tasks.conftest import Answer, Sites, resolving

from .conftest import Hooks, answering, due_now

Deliver = Callable[[], int]


def enqueue(task: str = "web_tests.add", **args: object) -> str:
    return dispatch.submit(JobRequest(task=task, args=args or {"a": 1})).id


def test_a_receiver_verifies_what_it_hears(hook: Hooks, deliver: Deliver) -> None:
    made = hook()
    job_id = enqueue(a=2, b=3)
    assert deliver() == 1
    [asked] = made.server.asked
    message = Verifier(made.secret).verify(asked.body, dict(asked.headers))
    assert (message["type"], message["data"]["id"], message["data"]["task"]) == (
        "job.finished",
        job_id,
        "web_tests.add",
    )
    assert (message["data"]["status"], message["data"]["args"]) == ("finished", {"a": 2, "b": 3})
    assert message["data"]["ended_at"] >= message["data"]["started_at"]
    assert "traceback" not in message["data"]
    assert abs(datetime.fromisoformat(message["timestamp"]).timestamp() - datetime.now(UTC).timestamp()) < 60


def test_nobody_asks_and_nothing_is_noted(redis: Redis, deliver: Deliver, hook: Hooks) -> None:
    enqueue()
    assert deliver() == 0
    made = hook(events=[Event.DEAD])
    enqueue()
    assert (deliver(), redis.exists(keys.OUTBOX)) == (0, 0)
    webhooks.delete(made.webhook.id, by="tester")
    enqueue("web_tests.fail", message="x")
    assert (deliver(), redis.exists(keys.KINDS, keys.OUTBOX)) == (0, 0)


def test_a_failed_attempt_and_a_dead_letter_are_two_events(hook: Hooks, deliver: Deliver, redis: Redis) -> None:
    made = hook()
    dispatch.submit(JobRequest(task="web_tests.fail", args={"message": "boom"}, retries=1))
    deliver()
    due_now(redis)
    deliver()
    assert made.types == ["job.failed", "job.dead"]
    first, last = (message["data"] for message in made.heard)
    assert (first["attempt"], first["status"], first["error"]) == (
        1,
        "scheduled",
        {"type": "ValueError", "message": "boom"},
    )
    assert (last["attempt"], last["status"]) == (2, "failed")


def test_a_webhook_hears_only_of_its_tasks_and_never_of_deliveries(hook: Hooks, deliver: Deliver) -> None:
    mail, all_of_it = hook(tasks=["mail.*"]), hook()
    enqueue()
    assert (deliver(), deliver()) == (1, 0)
    assert (mail.heard, all_of_it.types) == ([], ["job.finished"])


def test_secrets_stay_hidden_and_a_traceback_is_sent_only_on_request(hook: Hooks, deliver: Deliver) -> None:
    plain, whole = hook(), hook(traceback=True)
    enqueue("web_tests.secret", settings={"password": "canary-1"}, plain="canary-2")
    enqueue("web_tests.fail", message="boom")
    deliver()
    assert all(b"canary" not in asked.body for asked in (*plain.server.asked, *whole.server.asked))
    assert plain.heard[0]["data"]["args"] == {"settings": {"password": "[hidden]"}, "plain": "[hidden]"}
    assert "traceback" not in plain.heard[1]["data"]
    assert "raise ValueError(message)" in whole.heard[1]["data"]["traceback"]


def test_arguments_that_leave_no_room_are_left_out(hook: Hooks, deliver: Deliver) -> None:
    made = hook()
    job_id = enqueue("web_tests.fail", message="x" * 65_000)
    deliver()
    [message] = made.heard
    assert (message["data"]["id"], message["data"]["args"]) == (job_id, None)
    assert "args" in message["data"]["omitted"]


def test_an_event_is_told_although_its_job_is_gone(hook: Hooks, run_jobs: Callable[[], int], deliver: Deliver) -> None:
    made = hook()
    job_id = enqueue()
    run_jobs()
    control.delete(job_id)
    deliver()
    assert (made.heard[0]["data"]["id"], made.heard[0]["data"]["args"]) == (job_id, None)


def test_it_tries_again_with_the_same_message_until_it_is_taken(hook: Hooks, deliver: Deliver, redis: Redis) -> None:
    made = hook(answering(500, 404, 200))
    enqueue()
    for _ in range(4):
        deliver()
        due_now(redis)
    assert len(made.server.asked) == 3
    assert len({asked.headers["webhook-id"] for asked in made.server.asked}) == 1
    assert len({asked.body for asked in made.server.asked}) == 1
    for asked in made.server.asked:
        Verifier(made.secret).verify(asked.body, dict(asked.headers))
    kept = webhooks.list_deliveries(made.webhook.id)
    assert [(one.status, one.attempt, one.delivered, one.response) for one in kept] == [
        (200, 3, True, "because"),
        (404, 2, False, "because"),
        (500, 1, False, "because"),
    ]
    assert webhooks.get(made.webhook.id).failures == 0


def test_it_waits_as_long_as_the_receiver_asks(hook: Hooks, deliver: Deliver, redis: Redis) -> None:
    made = hook(lambda _: Answer(503, headers={"Retry-After": "1234"}))
    enqueue()
    deliver()
    [(_, due)] = cast("list[tuple[bytes, float]]", redis.zrange("rq:scheduled:default", 0, -1, withscores=True))
    assert 1200 < due - datetime.now(UTC).timestamp() < 1240
    assert webhooks.get(made.webhook.id).failures == 1


def test_who_is_gone_is_never_called_again(hook: Hooks, deliver: Deliver) -> None:
    made = hook(answering(410))
    enqueue()
    enqueue()
    deliver()
    enqueue()
    assert deliver() == 0
    assert len(made.server.asked) == 1
    found = webhooks.get(made.webhook.id)
    assert (found.active, found.disabled_because) == (False, "it answered 410 Gone")
    assert next(entry.action for entry in audit.entries()) == "webhook.disable"
    again = webhooks.change(made.webhook.id, {"active": True}, by="tester")
    assert (again.active, again.failures, again.disabled_because) == (True, 0, None)


def test_who_fails_for_days_is_switched_off(hook: Hooks, deliver: Deliver, redis: Redis) -> None:
    made = hook(answering(500))
    key = keys.webhook(made.webhook.id)
    redis.hset(key, mapping={"failures": 9})
    enqueue()
    deliver()
    assert webhooks.get(made.webhook.id).active  # ten failures, but only just now
    redis.hset(key, "failing_since", 1)
    due_now(redis)
    deliver()
    assert not webhooks.get(made.webhook.id).active
    due_now(redis)
    deliver()
    assert len(made.server.asked) == 2


def test_who_is_away_does_not_fill_the_server(
    hook: Hooks, deliver: Deliver, redis: Redis, open_settings: Settings
) -> None:
    made = hook(answering(500))
    redis.zadd(keys.waiting(made.webhook.id), {"deleted four days ago": time.time() - 4 * 86_400})
    outbox = Outbox(redis, open_settings.model_copy(update={"webhook_max_waiting": 3}))
    redis.hset(keys.webhook(made.webhook.id), "failures", 10)
    for number in range(1, 5):
        enqueue()
        deliver()
        assert redis.zcard(keys.waiting(made.webhook.id)) == number
    assert webhooks.get(made.webhook.id).active
    redis.xadd(keys.OUTBOX, _happened(enqueue()))
    redis.delete(keys.LEASE)
    outbox.send()
    found = webhooks.get(made.webhook.id)
    assert (found.active, found.disabled_because) == (False, "5 deliveries are waiting for it")
    due_now(redis)
    deliver()
    assert redis.zcard(keys.waiting(made.webhook.id)) == 0


def _happened(job_id: str) -> dict[Any, Any]:
    """What the script that finishes a job notes of it."""
    at = str(datetime.now(UTC).timestamp())
    job = {"type": "job.finished", "task": "web_tests.add", "job": job_id, "queue": "default", "attempt": "1"}
    return job | {"started": at, "ended": at, "error": ""}


def test_a_deleted_webhook_hears_nothing_more(hook: Hooks, deliver: Deliver, redis: Redis) -> None:
    made = hook(answering(500))
    enqueue()
    deliver()
    webhooks.delete(made.webhook.id, by="tester")
    due_now(redis)
    deliver()
    assert len(made.server.asked) == 1
    assert redis.keys("ns:webhook:*") == []


def test_an_old_secret_still_verifies_for_a_day(hook: Hooks, deliver: Deliver, redis: Redis) -> None:
    made = hook()
    new = webhooks.rotate(made.webhook.id, by="tester")
    enqueue()
    deliver()
    redis.hset(keys.webhook(made.webhook.id), "secret_before_until", 1)
    enqueue()
    deliver()
    first, second = made.server.asked
    for secret in (made.secret, new):
        Verifier(secret).verify(first.body, dict(first.headers))
    assert len(second.headers["webhook-signature"].split()) == 1
    Verifier(new).verify(second.body, dict(second.headers))


def test_a_delivery_can_be_sent_again(hook: Hooks, deliver: Deliver, redis: Redis) -> None:
    made = hook()
    enqueue()
    deliver()
    [one] = webhooks.list_deliveries(made.webhook.id)
    webhooks.change(made.webhook.id, {"active": False}, by="tester")
    webhooks.redeliver(made.webhook.id, one.id, by="tester")
    deliver()
    first, second = made.server.asked
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    with pytest.raises(DeliveryMissing):
        webhooks.redeliver(made.webhook.id, "1-1", by="tester")
    with pytest.raises(WebhookMissing):
        webhooks.redeliver("wh_0", one.id, by="tester")
    control.delete(one.job)
    with pytest.raises(WebhookConflict, match="no longer kept"):
        webhooks.redeliver(made.webhook.id, one.id, by="tester")


def test_a_ping_is_sent_once_and_says_how_it_went(hook: Hooks, deliver: Deliver) -> None:
    made = hook(answering(500))
    job = webhooks.ping(made.webhook.id, by="tester")
    deliver()
    deliver()
    assert made.types == ["webhook.ping"]
    assert monitor.get_result(job.id) == {"delivered": False, "status": 500, "error": "it answered 500"}


def test_two_processes_that_read_the_same_event_make_one_delivery(
    hook: Hooks, run_jobs: Callable[[], int], redis: Redis, open_settings: Settings
) -> None:
    made = hook()
    enqueue()
    run_jobs()
    first, second = Outbox(redis, open_settings), Outbox(redis, open_settings)
    entries = first._entries()
    assert (first._store(entries), second._store(entries)) == (1, 0)
    run_jobs()
    assert len(made.server.asked) == 1


def test_events_wait_while_the_server_is_full(hook: Hooks, deliver: Deliver, redis: Redis) -> None:
    made = hook()
    enqueue()
    redis.set("ns:full", 1)
    assert (deliver(), redis.xlen(keys.OUTBOX)) == (0, 1)
    redis.delete("ns:full")
    assert (deliver(), redis.xlen(keys.OUTBOX)) == (1, 0)
    assert made.types == ["job.finished"]


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/x", "http://localhost:9999", "http://169.254.169.254/latest", "http://[::1]:8080/"),
        *("http://10.0.0.1", "ftp://example.com", "https://example.com:22/", "http://user:pw@example.com/", "nonsense"),
    ],
)
def test_an_address_inside_is_refused_when_it_is_given(url: str, redis: Redis, settings: Settings) -> None:
    with pytest.raises(WebhookRefused):
        webhooks.create(url, [Event.DEAD], by="tester")
    assert webhooks.all_webhooks() == []


def test_an_address_that_moves_inside_later_is_not_called(
    hook: Hooks, deliver: Deliver, settings: Settings, site: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = site(lambda _: Answer())
    with resolving(monkeypatch, "93.184.215.14", "127.0.0.1"):
        use_settings(settings)
        made, _ = webhooks.create(f"http://rebind.example:{inside.port}/", [Event.FINISHED], by="tester")
        enqueue()
        deliver()
    [one] = webhooks.list_deliveries(made.id)
    assert (inside.asked, one.status) == ([], None)
    assert "not a public address" in one.error


def test_a_redirect_inside_is_not_followed(hook: Hooks, deliver: Deliver, site: Sites, settings: Settings) -> None:
    inside = site(lambda _: Answer())
    made = hook(lambda _: Answer(307, headers={"Location": f"http://127.0.0.2:{inside.port}/"}))
    use_settings(settings.model_copy(update={"outbound_allow": ("127.0.0.1/32",)}))
    enqueue()
    deliver()
    [one] = webhooks.list_deliveries(made.webhook.id)
    assert (len(made.server.asked), inside.asked, one.status) == (1, [], None)
    assert "not a public address" in one.error


def test_the_last_one_that_may_be_made_is_made_although_the_call_was_sent_twice(
    redis: Redis, hook: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changing, "MOST", 1)
    made = hook().webhook
    assert changing._save(made.id, {"description": "again"}, created=1.0) == 1
    with pytest.raises(WebhookConflict):
        hook()
    assert [one.id for one in webhooks.all_webhooks()] == [made.id]
