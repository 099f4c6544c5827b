"""`bin/jobs export` and `import`: what one server wrote another takes, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from redis import Redis

from cli.actor import actor
from jobs import keys, monitor, schedules
from tests.cli.conftest import Workers, acts, asked, run, said

pytestmark = pytest.mark.usefixtures("redis")
HOURLY = '{"id": "hourly", "task": "maintenance.check", "every": 3600, "jitter": 5}'


@pytest.mark.processes
def test_dead_letters_move_to_another_server(workers: Workers, redis: Redis) -> None:
    ids = {said("enqueue", "sample.discard", "--tag", "mine").strip() for _ in range(3)}
    said("enqueue", "sample.add", "a=1", "b=2")
    workers.run_all()
    lines = said("export")
    assert {json.loads(line)["job"]["id"] for line in lines.splitlines()} == ids
    assert asked("import", "-", given=lines)["present"] == 3
    redis.flushall()
    assert asked("import", "-", "--dry-run", given=lines)["checked"] == 3
    assert monitor.list_jobs().jobs == ()
    assert asked("import", "-", given=lines)["enqueued"] == 3
    assert asked("import", "-", given=lines)["present"] == 3
    assert {(job.id, job.status, job.tags) for job in monitor.list_jobs().jobs} == {
        (one, "queued", ("mine", "imported")) for one in ids
    }
    assert redis.llen(keys.queue("default")) == 3
    assert acts() == [(actor(), "import", "<stdin>")]


def test_schedules_made_at_run_time_move_and_keep_their_pause(redis: Redis, tmp_path: Path) -> None:
    said("schedules", "create", "-", given=HOURLY)
    said("schedules", "pause", "hourly", "--note", "moving")
    file = tmp_path / "schedules.jsonl"
    said("export", "schedules", "-o", str(file))
    redis.flushall()
    assert said("import", str(file)) == "1 created.\n"
    view = schedules.get_schedule("hourly")
    assert (view.paused, view.note, view.source) == (True, "moving", "runtime")
    assert said("import", str(file)) == "1 present.\n"


def test_a_schedule_that_differs_is_replaced_only_when_asked() -> None:
    said("schedules", "create", "-", given=HOURLY)
    line = json.dumps(
        {"v": 1, "kind": "schedule", "paused": False, "note": "", "definition": json.loads(HOURLY) | {"every": 60}}
    )
    assert said("import", "-", given=line) == "1 present.\n"
    assert said("import", "-", "--replace", given=line.replace(', "jitter": 5', "")) == "1 replaced.\n"
    definition = schedules.get_schedule("hourly").definition
    assert definition
    assert (definition.every, definition.jitter) == (60.0, 0.0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "Expecting value"),
        ('{"v": 9, "kind": "schedule"}', "version 9 is not known here"),
        ('{"v": 1, "kind": "token"}', "not what export writes"),
        ("[1]", "not what export writes"),
        ('{"v": 1, "kind": "schedule", "definition": {"id": "x", "task": "no", "every": 5}}', "no task is named 'no'"),
    ],
)
def test_a_line_that_cannot_be_taken_is_told_and_the_others_are_taken(line: str, reason: str) -> None:
    good = '{"v": 1, "kind": "schedule", "paused": false, "note": "", "definition": ' + HOURLY + "}"
    refused = run("import", "-", code=1, given=f"{line}\n\n{good}\n")
    assert refused.stderr.startswith("line 1: ")
    assert reason in refused.stderr
    assert refused.stdout == "1 refused, 1 created.\n"


def test_nothing_to_take_is_no_error() -> None:
    assert said("export") == ""
    assert said("import", "-", given="") == "There was nothing in it.\n"
