"""`bin/jobs queues`, `workers`, `token`, `audit`, `schedules` and `status`: the acts of an operator."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pytest
from redis import Redis

from cli import demo
from cli.actor import actor
from jobs import keys, monitor, queues, schedules, tokens
from jobs.settings import Settings
from tests.cli.conftest import Workers, acts, asked, run, said

pytestmark = pytest.mark.usefixtures("redis")


def test_a_queue_is_paused_resumed_and_emptied() -> None:
    said("enqueue", "sample.add", "a=1", "b=2")
    assert said("queues", "pause", "default", "--note", "the supplier is down").startswith("Paused default")
    assert (queues.paused()["default"].note, queues.paused()["default"].by) == ("the supplier is down", actor())
    shown = next(queue for queue in asked("queues", "ls")["queues"] if queue["name"] == "default")
    assert (shown["waiting"], shown["paused"]["note"]) == (1, "the supplier is down")
    assert "paused: the supplier is down" in said("queues", "ls")
    said("queues", "resume", "default")
    assert queues.paused() == {}
    assert "Say --yes" in run("queues", "empty", "default", code=2).stderr
    assert asked("queues", "empty", "default", "--yes") == {"queue": "default", "canceled": 1}
    assert [act for _, act, _ in acts()] == ["queue.empty", "queue.resume", "queue.pause"]
    assert "no queue is named 'nothing'" in run("queues", "pause", "nothing", code=1).stderr


def test_a_token_is_made_used_and_revoked(settings: Settings) -> None:
    words = "--scope enqueue --scope read --task mail.* --expires 90d"
    made = run("token", "create", "shop", *words.split())
    caller = tokens.identify(made.stdout.strip(), settings, datetime.now(UTC))
    assert caller
    assert (caller.name, caller.tasks) == ("shop", ("mail.*",))
    assert caller.scopes == {tokens.Scope.ENQUEUE, tokens.Scope.READ}
    [listed] = asked("token", "ls")["tokens"]
    assert (listed["name"], listed["created_by"]) == ("shop", actor())
    assert made.stdout.strip() not in said("token", "ls")
    said("token", "revoke", listed["id"])
    assert tokens.identify(made.stdout.strip(), settings, datetime.now(UTC)) is None
    assert "no token has the id" in run("token", "revoke", listed["id"], code=1).stderr


@pytest.mark.parametrize("wrong", ["", "--scope all", "--scope read --expires 1s", "--scope read --task %"])
def test_a_token_that_cannot_be_is_wrong_usage(wrong: str) -> None:
    run("token", "create", "shop", *wrong.split(), code=2)
    assert tokens.all_tokens() == []


def test_the_audit_is_read_page_by_page() -> None:
    for name in ("high", "default", "low"):
        said("queues", "pause", name)
    page = asked("audit", "-n", "2")
    assert [entry["subject"] for entry in page["entries"]] == ["low", "default"]
    assert [entry["subject"] for entry in asked("audit", "--before", page["next"])["entries"]] == ["high"]
    assert "queue.pause" in said("audit")


def test_schedules_speak_json(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"id": "hourly", "task": "maintenance.check", "every": 3600}')
    made = asked("schedules", "create", str(tmp_path / "s.json"))
    assert made["definition"] == {"id": "hourly", "task": "maintenance.check", "every": 3600.0}
    assert asked("schedules", "pause", "hourly", "--note", "x")["paused"] is True
    assert asked("schedules", "resume", "hourly")["paused"] is False
    job = asked("schedules", "run", "hourly")["job"]
    assert monitor.get_job(job).schedule == "hourly"
    assert asked("schedules", "edit", "hourly", '{"every": 60}', "--revision", "1")["words"] == "every minute"
    assert "has been changed meanwhile" in run("schedules", "edit", "hourly", "{}", "--revision", "1", code=1).stderr
    assert [view["id"] for view in asked("schedules", "ls")["schedules"]] == ["hourly"]
    assert asked("schedules", "show", "hourly")["history"]
    assert asked("schedules", "preview", "0", "17", "*", "*", "*", "--count", "1")["words"].startswith("at 17:00")
    assert asked("schedules", "status", code=1)["ok"] is False
    assert asked("schedules", "remove", "hourly") == {"id": "hourly", "removed": True}
    assert schedules.list_schedules() == []


def test_the_status_says_what_is_not_well() -> None:
    said("enqueue", "sample.add", "a=1", "b=2")
    told = said("status", code=1)
    assert "No worker is alive: nothing is run." in told
    assert "No clock is alive" in told
    assert "Queue default has jobs waiting and no worker that takes them." in told
    assert asked("status", code=1)["ok"] is False


@pytest.mark.processes
def test_a_worker_is_listed_and_stopped(workers: Workers) -> None:
    worker = workers.start("--queues", "default")
    [listed] = asked("workers", "ls")["workers"]
    assert (listed["pid"], listed["queues"], listed["horses"]) == (worker.pid, ["default"], 1)
    assert "No worker is alive" not in said("status", code=1)
    assert said("workers", "stop", listed["name"]) == f"{listed['name']} was asked to stop.\n"
    assert worker.wait(20) == 0
    assert "no worker is named" in run("workers", "stop", listed["name"], code=1).stderr


def test_tasks_are_listed_with_what_they_take(settings: Settings) -> None:
    assert "images.thumbnail" in said("tasks", "ls")
    assert "bin/jobs enqueue images.thumbnail photo=@FILE [width=INTEGER]" in said("tasks", "show", "images.thumbnail")
    assert asked("tasks", "show", "images.thumbnail")["schema"]["required"] == ["photo"]


def test_a_server_without_jobs_is_no_error(redis: Redis) -> None:
    for words in (["jobs", "ls"], ["queues", "ls"], ["workers", "ls"], ["failures", "ls"], ["token", "ls"], ["audit"]):
        said(*words)
        assert asked(*words)


@pytest.mark.parametrize(
    ("words", "said_of_nothing"),
    [
        ("token ls", "No token was made yet: bin/jobs token create --help"),
        ("webhook ls", "No webhook was made yet: bin/jobs webhook add --help"),
        ("workers ls", "No worker is alive: python -m worker starts one."),
        ("schedules ls", "No schedule is known: "),
        ("failures ls", "No dead letters."),
        ("jobs ls", "No jobs yet."),
        ("jobs ls --status failed", "No job fits."),
        ("quarantine ls", "Nothing is in quarantine."),
        ("audit", "Nothing is noted here."),
    ],
)
def test_a_list_of_nothing_is_a_remark_and_no_header(words: str, said_of_nothing: str) -> None:
    told = run(*words.split())
    assert told.stdout == ""
    assert told.stderr.startswith(said_of_nothing)


def test_memory_says_what_uses_the_server(workers: Workers) -> None:
    for number in range(3):
        said("enqueue", "sample.add", f"a={number}", "b=2")
    workers.run_all()
    found = asked("memory", "--sample", "5000")
    assert found["measured"] == found["keys"]
    assert found["tasks"]["sample.add"]["records"]["keys"] == 3
    shown = said("memory")
    assert "all of them measured" in shown
    assert "A finished job takes " in shown
    assert "registries" in shown


def test_a_second_demo_adds_no_jobs_and_serves_those_of_the_first(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_LONGEST", 0.0)
    assert said("demo") == "9 demo jobs and 2 demo schedules are there.\n"
    jobs = monitor.list_jobs(tag="demo").jobs
    monkeypatch.setattr(demo, "_wait_for", lambda _: urlopen(f"http://127.0.0.1:{demo._port(jobs)}/flights").close())
    assert said("demo") == "9 demo jobs and 2 demo schedules are there.\n"
    assert redis.zcard(keys.JOBS) == 9 + 2


def test_the_schedules_of_a_demo_can_be_taken_away() -> None:
    for fields in demo._SCHEDULES:
        demo._create(fields)
    assert {view.id for view in schedules.list_schedules()} == {"demo.minutely", "demo.greeting"}
    for _ in range(2):
        said("demo", "--retire")
        assert schedules.list_schedules() == []


def test_a_worker_is_drained(workers: Workers) -> None:
    process = workers.start()
    (worker,) = monitor.workers()
    assert said("workers", "drain", worker.name).startswith(f"{worker.name} was asked to drain")
    assert process.wait(15) == 0
    assert acts()[0] == (actor(), "worker.drain", worker.name)
    assert "no worker is named" in run("workers", "drain", worker.name, code=1).stderr


def test_the_scale_tells_how_many_workers_the_queues_need() -> None:
    for _ in range(3):
        said("enqueue", "sample.add", "a=1", "b=2")
    found = asked("scale")
    assert (found["workers"], found["horses"]) == (1, 0.1)
    assert [queue["name"] for queue in asked("scale", "high", "low")["queues"]] == ["high", "low"]
    assert said("scale").startswith("1 worker would be enough, each with 2 horses; there are 0.")
    assert "nowhere" in run("scale", "nowhere", code=1).stderr
