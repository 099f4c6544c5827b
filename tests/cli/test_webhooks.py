"""`bin/jobs webhook`: the acts of an operator on those who are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from jobs import webhooks
from jobs.settings import Settings, use_settings
from tests.cli.conftest import acts, asked, run, said
from tests.tasks.conftest import Answer, Sites
from tests.tasks.conftest import site as http_site
from tests.web.conftest import run_jobs as run_jobs

site = http_site

pytestmark = pytest.mark.usefixtures("redis")


def test_a_webhook_is_added_tested_and_removed(
    redis: Redis, settings: Settings, site: Sites, run_jobs: Callable[[], int]
) -> None:
    use_settings(settings.model_copy(update={"outbound_allow": ("127.0.0.0/8",)}))
    url = site(lambda _: Answer(500, b"broken")).url
    made = run("webhook", "add", url, "--event", "job.dead", "--task", "mail.*")
    [hook] = asked("webhook", "ls")["webhooks"]
    assert (hook["url"], hook["events"], hook["tasks"]) == (url, ["job.dead"], ["mail.*"])
    assert made.stdout.startswith("whsec_")
    assert made.stdout.strip() not in said("webhook", "ls") + said("webhook", "show", hook["id"])
    job = asked("webhook", "test", hook["id"])["job"]
    run_jobs()
    [delivery] = asked("webhook", "deliveries", hook["id"])["deliveries"]
    assert (delivery["job"], delivery["status"], delivery["response"]) == (job, 500, "broken")
    assert "it answered 500" in said("webhook", "deliveries", hook["id"])
    assert said("webhook", "redeliver", hook["id"], delivery["id"]).startswith("On its way")
    assert asked("webhook", "edit", hook["id"], "--off")["active"] is False
    assert asked("webhook", "edit", hook["id"], "--event", "job.failed")["events"] == ["job.failed"]
    assert asked("webhook", "rotate", hook["id"])["secret"] != made.stdout.strip()
    assert "Say --yes" in run("webhook", "rm", hook["id"], code=2).stderr
    assert asked("webhook", "rm", hook["id"], "--yes") == {"id": hook["id"], "removed": True}
    assert webhooks.all_webhooks() == []
    assert {act.partition(".")[2] for _, act, _ in acts()} == {
        *("create", "test", "redeliver", "change", "rotate", "delete"),
    }


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        ("add http://127.0.0.1/ --event job.dead", 1, "not a public address"),
        ("add https://93.184.215.14/", 2, "Missing option"),
        ("add https://93.184.215.14/ --event job.dead --task %", 2, "no pattern"),
        ("test wh_0", 1, "no webhook has the id"),
        ("deliveries wh_0", 1, "no webhook has the id"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(words: str, code: int, reason: str) -> None:
    assert reason in run("webhook", *words.split(), code=code).stderr
