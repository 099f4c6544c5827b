"""`bin/jobs enqueue`: through the same door as HTTP, with exit codes for scripts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs import files, monitor
from tests.cli.conftest import Workers, asked, run, said
from tests.tasks.conftest import PHOTO

pytestmark = pytest.mark.usefixtures("redis")


def test_the_id_is_all_it_prints() -> None:
    job = monitor.get_job(said("enqueue", "sample.add", "a=1", "b=2", "--tag", "x", "--tag", "y").strip())
    assert (job.task, job.args, job.tags, job.status) == ("sample.add", {"a": 1, "b": 2}, ("x", "y"), "queued")


def test_a_delay_and_a_time_make_it_wait() -> None:
    delayed = asked("enqueue", "sample.add", "a=1", "b=2", "--delay", "2h30m", "--queue", "low")
    due = datetime.fromisoformat(delayed["run_at"]) - datetime.now(UTC)
    assert delayed["status"] == "scheduled"
    assert delayed["queue"] == "low"
    assert timedelta(hours=2, minutes=29) < due <= timedelta(hours=2, minutes=30)
    timed = asked("enqueue", "sample.add", "a=1", "b=2", "--at", "2030-01-01T12:00+01:00")
    assert timed["run_at"] == "2030-01-01T11:00:00Z"
    run("enqueue", "sample.add", "--delay", "5", "--at", "2030-01-01", code=2)


def test_a_file_is_uploaded() -> None:
    job = asked("enqueue", "images.thumbnail", f"photo=@{PHOTO}", "width=100")
    assert files.get(job["args"]["photo"]).size == PHOTO.stat().st_size


def test_arguments_come_from_stdin() -> None:
    assert asked("enqueue", "sample.add", "--args", "-", given='{"a": 1, "b": 2}')["args"] == {"a": 1, "b": 2}


def test_one_job_stands_for_those_like_it() -> None:
    first = run("enqueue", "sample.add", "a=1", "b=2", "--unique", "done")
    again = run("enqueue", "sample.add", "a=1", "b=2", "--unique", "10m")
    assert first.stdout == again.stdout
    assert again.stderr == "A job like it is there already.\n"


def test_a_key_gives_one_job_and_is_refused_for_another_request() -> None:
    words = ["enqueue", "images.thumbnail", f"photo=@{PHOTO}", "--key", "k"]
    first = said(*words)
    assert said(*words) == first
    assert "was used for another request" in run(*words, "width=99", code=1).stderr
    assert said("enqueue", "images.thumbnail", f"photo=@{PHOTO}", "--key", "other") != first


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["nothing.here"], 1, "no task is named 'nothing.here'"),
        (["sample.add", "a=one", "b=2"], 1, "/a: Input should be a valid integer"),
        (["sample.add", "a"], 2, "'a' is not name=value; sample.add takes a=INTEGER b=INTEGER"),
        (["sample.add", "--delay", "soon"], 2, "is not a length of time"),
        (["sample.add", "--at", "noon"], 2, "is not a time"),
        (["sample.add", "--unique", "always"], 2, "neither done nor started"),
        (["sample.add", "a=1", "b=2", "--timeout", "9w"], 1, "/timeout"),
    ],
)
def test_what_cannot_be_enqueued_is_said_in_one_sentence(words: list[str], code: int, reason: str) -> None:
    assert reason in run("enqueue", *words, code=code).stderr
    assert monitor.list_jobs().jobs == ()


@pytest.mark.processes
def test_waiting_gives_the_result_or_an_exit_code(workers: Workers, tmp_path: Path) -> None:
    workers.start()
    done = run("enqueue", "sample.add", "a=1", "b=2", "--wait")
    assert json.loads(done.stdout) == 3
    assert "has finished" in done.stderr
    failed = run("enqueue", "sample.discard", "--wait", code=3)
    assert failed.stdout == ""
    assert "has failed: Discard: not worth it" in failed.stderr
    assert asked("enqueue", "sample.discard", "--wait", code=3)["error"]["type"] == "Discard"
    late = run("enqueue", "sample.work", f"path={tmp_path}/x", "seconds=5", "--within", "0.3", code=4)
    assert "it goes on" in late.stderr


def test_a_server_that_is_away_is_one_sentence(settings: object) -> None:
    from jobs import connection
    from jobs.settings import current_settings

    away = current_settings().model_copy(
        update={"redis_url": type(current_settings().redis_url)("redis://127.0.0.1:1")}
    )
    connection.use_client(connection.connect(away))
    assert run("enqueue", "sample.add", "a=1", "b=2", code=1).stderr.startswith("Error: Redis is unavailable")
