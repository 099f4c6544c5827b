"""One message when it begins and one when it is over, to everyone who is to be told, whatever does not run."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from redis import Redis
from standardwebhooks import Webhook

from jobs import alerts, dispatch, monitor
from jobs.alerts import Watch, incidents, keys, telling
from jobs.alerts.readings import Level, Reading, Rule
from jobs.dispatch import JobRequest
from jobs.settings import Settings
from tests.tasks.conftest import Answer, Sites
from tests.tasks.test_mail import Postbox, Start
from tests.tasks.test_mail import postbox as postbox
from tests.tasks.test_mail import start as start
from tests.worker.conftest import StartWorker
from tests.worker.conftest import start_worker as start_worker
from tests.worker.waiting import eventually

from .conftest import SECRET, Listen, Tuned


def seen(level: Level, subject: str = "default") -> Reading:
    return Reading(Rule.LATENCY, subject, level, f"queue {subject}: the oldest job has waited <12 min>")


def kinds(settings: Settings, *levels: Level) -> list[str]:
    return [change.kind for level in levels for change in incidents.judge([seen(level)], settings)]


def test_what_comes_and_goes_is_no_incident(redis: Redis, tuned: Tuned) -> None:
    chosen = tuned(alert_after=0.08, alert_clear_after=0.08)
    assert kinds(chosen, Level.BAD, Level.GOOD, Level.BAD, Level.BETWEEN, Level.BAD) == []
    assert alerts.active() == []
    eventually(lambda: kinds(chosen, Level.BAD) or None)
    assert [incident.subject for incident in alerts.active()] == ["default"]
    assert kinds(chosen, Level.BAD, Level.BETWEEN, Level.GOOD, Level.BETWEEN, Level.GOOD, Level.BAD, Level.GOOD) == []
    assert eventually(lambda: kinds(chosen, Level.GOOD) or None) == ["cleared"]
    assert (alerts.active(), redis.exists(keys.STATE)) == ([], 0)


def test_a_subject_that_is_gone_is_well_again(redis: Redis, tuned: Tuned) -> None:
    chosen = tuned()
    incidents.judge([seen(Level.BAD, "low"), seen(Level.BAD, "high")], chosen)
    [change] = incidents.judge([seen(Level.BAD, "low")], chosen)
    assert (change.kind, change.subject) == ("cleared", "high")


def test_many_processes_that_look_at_once_tell_it_once(redis: Redis, listen: Listen) -> None:
    people = listen("workers")
    watches = [people.watch, *(Watch(people.watch._settings) for _ in range(7))]
    dispatch.submit(JobRequest(task="web_tests.add", args={"a": 1}))
    for _ in range(3):
        redis.delete(keys.LEASE)
        threads = [threading.Thread(target=watch.turn, args=(datetime.now(UTC),)) for watch in watches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(people.server.asked) == 1


def test_everyone_hears_it_in_their_own_way(
    redis: Redis, tuned: Tuned, site: Sites, postbox: Postbox, start: Start
) -> None:
    slack, hook = site(lambda _: Answer(body=b"ok")), site(lambda _: Answer())
    chosen = tuned(
        alert_mail=("ann@example.com", "bob@example.com"),
        smtp_url=f"smtp://127.0.0.1:{start()}",
        alert_slack_url=slack.url,
        alert_webhook_url=hook.url,
        webhook_secret=SECRET,
        alert_rules=("workers",),
    )
    dispatch.submit(JobRequest(task="web_tests.add", args={"a": 1}))
    Watch(chosen).turn(datetime.now(UTC))
    text = "queue default: 1 job waiting, and no worker takes them"
    assert json.loads(slack.asked[0].body) == {"text": f":red_circle: Nightshift: {text}"}
    [asked] = hook.asked
    message = Webhook(SECRET).verify(asked.body, dict(asked.headers))
    assert (message["type"], message["data"]["text"]) == ("alert.fired", text)
    assert postbox.messages[0]["Subject"] == f"Nightshift: {text}"
    assert postbox.recipients == [["ann@example.com", "bob@example.com"]]
    assert redis.xlen(keys.OUTBOX) == 0


def test_a_channel_that_is_away_is_tried_again_alone(redis: Redis, tuned: Tuned, site: Sites) -> None:
    answers = [503, 200]
    slack, hook = site(lambda _: Answer(answers.pop(0))), site(lambda _: Answer())
    more = {"alert_slack_url": slack.url, "alert_webhook_url": hook.url, "webhook_secret": SECRET}
    watch = Watch(tuned(alert_rules=("workers",), **more))
    dispatch.submit(JobRequest(task="web_tests.add", args={"a": 1}))
    for _ in range(3):
        watch.turn(datetime.now(UTC))
    assert (len(slack.asked), len(hook.asked), redis.xlen(keys.OUTBOX)) == (2, 1, 0)


def test_names_cannot_mention_people_in_slack(redis: Redis, tuned: Tuned, site: Sites) -> None:
    slack = site(lambda _: Answer())
    chosen = tuned(alert_slack_url=slack.url, alert_rules=())
    incidents.judge([seen(Level.BAD, "<!channel>")], chosen)
    telling.tell_all(chosen, jobs_run=False)
    assert "<" not in json.loads(slack.asked[0].body)["text"]


def test_the_host_that_was_named_is_called_and_no_other(redis: Redis, tuned: Tuned, site: Sites) -> None:
    inside = site(lambda _: Answer())
    slack = site(lambda _: Answer(307, headers={"Location": f"http://127.0.0.2:{inside.port}/"}))
    chosen = tuned(alert_slack_url=slack.url, alert_rules=())
    incidents.judge([seen(Level.BAD)], chosen)
    telling.tell_all(chosen, jobs_run=False)
    assert (len(slack.asked), inside.asked, redis.xlen(keys.OUTBOX)) == (1, [], 1)


def test_what_a_coming_release_has_written_disturbs_nobody(redis: Redis, tuned: Tuned) -> None:
    redis.hset(keys.STATE, "weather|", json.dumps({"fired": 1.0, "bad": 1.0, "text": "it rains"}))
    assert alerts.active() == []


@pytest.mark.processes
def test_while_workers_run_a_job_tells_it(redis: Redis, listen: Listen, start_worker: StartWorker) -> None:
    people = listen("workers")
    server = people.server
    start_worker("--horses", "1", ALERT_WEBHOOK_URL=server.url, WEBHOOK_SECRET=SECRET)
    dispatch.submit(JobRequest(task="web_tests.add", args={"a": 1}, queue="unserved"))
    people.look()
    eventually(lambda: server.asked)
    [job] = monitor.list_jobs(task="nightshift.alert").jobs
    assert server.asked[0].headers["webhook-id"] == job.id
    people.look()
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"alert_mail": "ann@example.com"}, "needs SMTP_URL"),
        ({"alert_mail": "ann", "smtp_url": "smtp://mail"}, "must be mail addresses"),
        ({"alert_slack_url": "ftp://x"}, "must start with http"),
        ({"alert_webhook_url": "https://x"}, "needs WEBHOOK_SECRET"),
        ({"alert_webhook_url": "https://x", "webhook_secret": "whsec_?"}, "needs WEBHOOK_SECRET"),
        ({"alert_rules": "latency,everything"}, "'everything' is no rule"),
    ],
)
def test_settings_that_could_tell_nobody_are_refused(given: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings.model_validate({"NIGHTSHIFT_ENV": "test", **given})
