"""`bin/jobs jobs`, `failures` and `tail`: find, look, act; and the audit log knows who did it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from redis import Redis

from cli.actor import actor
from cli.tail import fresh
from jobs import files, keys, monitor
from tests.cli.conftest import Workers, acts, asked, run, said
from tests.tasks.conftest import PHOTO
from tests.worker.waiting import eventually

pytestmark = pytest.mark.usefixtures("redis")


def enqueued(*words: str) -> str:
    return said("enqueue", *words).strip()


def test_a_list_is_filtered_and_goes_on_page_by_page() -> None:
    ids = [enqueued("sample.add", f"a={n}", "b=2", "--tag", f"t{n % 2}") for n in range(5)]
    assert said("jobs", "ls", "-q").split() == ids[::-1]
    assert said("jobs", "ls", "-q", "--tag", "t1").split() == [ids[3], ids[1]]
    page = asked("jobs", "ls", "-n", "2")
    assert [job["id"] for job in page["jobs"]] == [ids[4], ids[3]]
    assert said("jobs", "ls", "-q", "-n", "2", "--cursor", page["next"]).split() == [ids[2], ids[1]]
    assert "sample.add" in said("jobs", "ls", "--task", "sample.add")
    run("jobs", "ls", "--cursor", "nonsense", code=2)


@pytest.mark.processes
def test_a_job_is_shown_with_its_attempts_artifacts_and_traceback(workers: Workers, tmp_path: Path) -> None:
    good, bad = enqueued("images.thumbnail", f"photo=@{PHOTO}", "width=64"), enqueued("sample.discard")
    workers.run_all()
    shown = asked("jobs", "show", good)
    assert [shown["status"], len(shown["attempts"]), shown["artifacts"][0]["name"]] == ["finished", 1, "thumbnail.jpg"]
    assert "thumbnail.jpg  image/jpeg" in said("jobs", "show", good)
    assert json.loads(said("jobs", "result", good))["width"] == 64
    said("jobs", "artifact", good, "thumbnail.jpg", "-o", str(tmp_path))
    assert (tmp_path / "thumbnail.jpg").read_bytes() == files.get(shown["artifacts"][0]["file"]).read()
    assert "has no artifact 'x'" in run("jobs", "artifact", good, "x", code=1).stderr
    told = said("jobs", "show", bad)
    assert "jobs.retries.Discard: not worth it" in told
    assert "has no result: it is failed" in run("jobs", "result", bad, code=1).stderr


def test_jobs_are_canceled_tried_again_and_deleted() -> None:
    one, two = enqueued("sample.add", "a=1", "b=2"), enqueued("sample.add", "a=3", "b=4")
    assert said("jobs", "cancel", one, two) == "2 jobs canceled.\n"
    assert said("jobs", "retry", "-", given=f"{one}\n") == f"{one}: enqueued again.\n"
    assert monitor.get_job(one).status == "queued"
    said("jobs", "delete", two)
    assert monitor.find_job(two) is None
    assert acts()[:4] == [
        (actor(), "job.delete", two),
        (actor(), "job.retry", one),
        (actor(), "job.cancel", two),
        (actor(), "job.cancel", one),
    ]
    assert actor().startswith("cli:")


def test_what_its_state_does_not_allow_is_told_for_each_and_the_rest_is_done() -> None:
    one = enqueued("sample.add", "a=1", "b=2")
    refused = asked("jobs", "cancel", "nothing", one, code=1)
    assert (refused["done"], refused["refused"]) == (1, 1)
    assert refused["jobs"][0] == {"id": "nothing", "error": "no job has the id 'nothing'"}
    said("jobs", "cancel", one)
    said("jobs", "retry", one)
    assert "cannot be tried again: it is queued" in run("jobs", "retry", one, code=1).stderr


@pytest.mark.processes
def test_a_job_is_tried_with_other_arguments(workers: Workers) -> None:
    bad = enqueued("sample.discard")
    wrong = enqueued("sample.add", "a=1", "b=2")
    workers.run_all()
    made = asked("jobs", "retry", wrong, "--args", '{"a": 5, "b": 6}')["jobs"][0]["job"]
    assert monitor.get_job(made).args == {"a": 5, "b": 6}
    assert monitor.get_job(made).tags == (f"retry-of:{wrong}",)
    run("jobs", "retry", bad, wrong, "--args", "{}", code=2)


@pytest.mark.processes
def test_dead_letters_are_seen_tried_and_deleted_in_groups(workers: Workers) -> None:
    ids = {enqueued("sample.discard") for _ in range(3)}
    workers.run_all()
    [group] = asked("failures", "ls")["groups"]
    assert (group["count"], group["error_type"]) == (3, "Discard")
    first = group["fingerprint"][:4]
    assert first in said("failures", "ls")
    assert set(asked("failures", "show", first)["job_ids"]) == ids
    assert "raise Discard" in said("failures", "show", first)
    assert said("failures", "retry", first) == "3 jobs enqueued again.\n"
    workers.run_all()
    assert "Say --yes" in run("failures", "delete", "--all", code=2).stderr
    assert said("failures", "delete", "--all", "--task", "sample.discard", "--yes") == "3 jobs deleted.\n"
    assert asked("failures", "ls") == {"groups": []}
    assert "no group of dead letters" in run("failures", "retry", first, code=1).stderr
    run("failures", "retry", code=2)


@pytest.mark.processes
def test_the_log_of_a_job_that_has_ended_is_printed(workers: Workers) -> None:
    job_id = enqueued("sample.report")
    workers.run_all()
    done = run("tail", job_id)
    assert done.stdout.endswith(' #1 a line colour="red"\n')
    assert "has finished" in done.stderr
    line = json.loads(said("jobs", "tail", job_id, "--json"))
    assert (line["message"], line["attempt"], line["fields"]) == ("a line", 1, {"colour": "red"})
    assert said("tail", job_id, "-n", "0") == ""


@pytest.mark.processes
def test_the_log_of_a_running_job_is_followed_to_its_end(workers: Workers, redis: Redis, tmp_path: Path) -> None:
    job_id = enqueued("sample.work", f"path={tmp_path}/x", "seconds=1")
    redis.rpush(keys.log(job_id), json.dumps({"at": 1.0, "attempt": 1, "message": "before"}))
    workers.start()
    eventually(lambda: monitor.get_job(job_id).status == "started")
    done = run("tail", job_id)
    assert "before" in done.stdout
    assert "has finished" in done.stderr


def test_only_new_lines_are_new_also_when_old_ones_are_gone() -> None:
    lines = [{"message": str(number)} for number in range(6)]
    assert fresh(lines[:3], lines[:5]) == lines[3:5]
    assert fresh(lines[:3], lines[1:5]) == lines[3:5]
    assert fresh(lines[:3], lines[:3]) == []
    assert fresh(lines[:2], lines[4:]) == lines[4:]
    assert fresh([], lines) == lines


def test_secrets_are_hidden_on_the_screen_and_in_its_json() -> None:
    given = ("type=x", "data={}", "url=https://example.com/", "secret=whsec_canarycanarycanarycanary")
    job = enqueued("webhooks.deliver", *given)
    assert asked("jobs", "show", job)["args"]["secret"] == "[hidden]"
    for words in (("jobs", "show", job), ("jobs", "ls"), ("jobs", "ls", "--json")):
        assert "canary" not in said(*words)
