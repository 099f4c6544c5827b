"""What the release before left in Redis is read, run, recovered and dropped by this one."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from jobs import audit, control, keys, memory, monitor, queues, recovery, schedules, tokens
from jobs.dispatch import JobRequest, submit
from jobs.retention import Retention
from jobs.schedules import keys as schedule_keys
from jobs.schedules.deciding import Decider
from jobs.schedules.leases import Lease
from jobs.settings import Settings
from jobs.uniqueness import Unique
from tests.upgrade import mixed_tasks  # noqa: F401 - what the recorded jobs call
from worker.horse import Duty, Horse
from worker.slots import Board

FOLDER = Path(__file__).parent
RECORDED = sorted(FOLDER.glob("data-*.json"))


@pytest.fixture(params=RECORDED, ids=[file.stem for file in RECORDED])
def jobs(request: pytest.FixtureRequest, redis: Redis) -> dict[str, str]:
    """The ids of the recorded jobs, whose data is on the server now."""
    found = json.loads(request.param.read_text(encoding="utf-8"))
    for name, (kind, value) in found["keys"].items():
        load(redis, name, kind, value)
    return {**found["jobs"], "token": found["token"]}


def load(redis: Redis, name: str, kind: str, value: Any) -> None:
    key = name.encode("latin-1")
    match kind:
        case "string":
            redis.set(key, value.encode("latin-1"))
        case "hash":
            redis.hset(key, mapping={n.encode("latin-1"): v.encode("latin-1") for n, v in value.items()})
        case "list":
            redis.rpush(key, *(item.encode("latin-1") for item in value))
        case "set":
            redis.sadd(key, *(item.encode("latin-1") for item in value))
        case "zset":
            redis.zadd(key, {item.encode("latin-1"): score for item, score in value.items()})
        case "stream":
            for at, entry in value:
                redis.xadd(key, {n.encode("latin-1"): v.encode("latin-1") for n, v in entry.items()}, id=at)


def run_all(redis: Redis, settings: Settings) -> None:
    """Run what is queued, by a horse in this process, which takes its signals meanwhile."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    board = Board(1)
    Horse(Duty("tester", ("high", "default", "low"), burst=True), board, board.slots[0], redis, settings).run()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_there_is_recorded_data() -> None:
    assert RECORDED


def test_every_job_is_read_as_it_was(jobs: dict[str, str]) -> None:
    status = {name: monitor.get_job(jobs[name]).status for name in jobs if name not in ("token", "quarantined")}
    waiting = dict.fromkeys(["waiting", "large", "unique", "keyed"], "queued")
    delayed = dict.fromkeys(["delayed", "retry with a checkpoint"], "scheduled")
    finished = dict.fromkeys(["finished", "with an artifact"], "finished")
    others = {"dead letter": "failed", "canceled": "canceled", "started": "started"}
    assert status == waiting | delayed | finished | others
    assert monitor.get_result(jobs["finished"]) == 3
    assert [line["message"] for line in monitor.log_lines(jobs["with an artifact"])] == ["a line"]
    assert monitor.artifacts(jobs["with an artifact"])["result.txt"].read() == b"bytes of the artifact"
    assert monitor.get_job(jobs["waiting"]).tags == ("vip",)
    [attempt] = monitor.attempts(jobs["dead letter"])
    assert (attempt.outcome, attempt.error and attempt.error.message) == ("discarded", "not worth it")
    assert "recorded" in (attempt.traceback or "")


def test_every_job_goes_on(jobs: dict[str, str], redis: Redis, settings: Settings) -> None:
    for job_id in ("delayed", "retry with a checkpoint"):
        redis.zadd(keys.registry("scheduled", "default"), {jobs[job_id]: 1}, xx=True)
    recovery.promote(redis)
    control.requeue(jobs["canceled"])
    [started] = cast("list[bytes]", redis.zrange(keys.registry("wip", "high"), 0, -1))
    recovery.crashed(redis, "high", *started.decode().split(":"), reason="its worker vanished", expired_only=True)
    run_all(redis, settings)
    results = {name: monitor.get_result(jobs[name]) for name in ("delayed", "canceled", "started", "waiting", "unique")}
    assert results == {"delayed": 4, "canceled": 15, "started": 11, "waiting": 7, "unique": 2}
    assert monitor.get_result(jobs["retry with a checkpoint"]) == [1, 2]
    assert monitor.get_result("by-hand-run-200651a8b2d5912f") == 6
    assert recovery.sweep(redis) == []


def test_keys_and_uniqueness_still_hold(jobs: dict[str, str]) -> None:
    again = JobRequest(task="mixed.add", args={"a": 9, "b": 1}, idempotency_key="a key", fingerprint="f")
    assert submit(again).id == jobs["keyed"]
    alike = JobRequest(task="mixed.add", args={"a": 1, "b": 1}, unique=Unique(until="done"))
    assert submit(alike).id == jobs["unique"]


def test_switches_tokens_and_the_audit_log_are_kept(jobs: dict[str, str], settings: Settings) -> None:
    assert queues.paused()["low"].note == "for now"
    caller = tokens.identify(jobs["token"], settings, datetime.now(UTC))
    assert caller is not None
    assert (caller.name, caller.tasks) == ("shop", ("mixed.*",))
    assert {entry.action for entry in audit.entries()} >= {"job.retry", "queue.pause", "schedule.pause"}


def test_schedules_keep_their_cursor_and_their_pause(jobs: dict[str, str], redis: Redis, settings: Settings) -> None:
    found = {view.id: view for view in schedules.list_schedules()}
    assert {name: view.paused for name, view in found.items()} == {
        "often": False, "daily": False, "by-hand": False, "resting": True,
    }  # fmt: skip
    assert [tick.kind for tick in schedules.history("resting")] == ["paused"]
    _let_time_pass(redis, "often", minutes=10)
    lease = Lease(redis, "v2")
    assert lease.hold()
    decider = Decider(redis, settings, lease)
    outcomes = {(decision.definition.id, decision.outcome) for decision in decider.decide(decider.due())}
    assert ("often", "enqueued") in outcomes
    assert not {name for name, _ in outcomes} & {"resting"}


def test_what_is_old_is_dropped_with_all_that_belongs_to_it(
    jobs: dict[str, str], redis: Redis, settings: Settings
) -> None:
    for kind in ("finished", "failed", "canceled"):
        registry = keys.registry(kind, "default")
        redis.zadd(registry, dict.fromkeys(cast("list[bytes]", redis.zrange(registry, 0, -1)), 1))
    Retention(redis, settings).drop_jobs()
    left = {name for name, job_id in jobs.items() if redis.exists(keys.job(job_id))}
    assert left == {"started", "keyed", "waiting", "large", "unique", "delayed", "retry with a checkpoint"}
    assert list(redis.scan_iter("ns:file:*")) == list(redis.scan_iter("ns:log:*")) == []


@pytest.mark.usefixtures("jobs")
def test_every_key_is_known() -> None:
    assert "other" not in memory.report(10_000).kinds


def _let_time_pass(redis: Redis, schedule: str, *, minutes: int) -> None:
    """As if the data had been recorded earlier."""
    key = schedule_keys.schedule(schedule)
    for field in ("cursor", "since"):
        redis.hincrby(key, field, -minutes * 60_000)
    redis.zincrby(schedule_keys.DUE, -minutes * 60_000, schedule)
