"""`bin/jobs quarantine`: what cannot be run can be looked at."""

from __future__ import annotations

import time

from redis import Redis

from jobs.claims import Claims
from jobs.running import Quarantined
from tests.cli.conftest import asked, run, said
from tests.worker.corruption import KINDS


def test_what_cannot_be_run_is_listed_with_the_reason_and_shown_as_it_was(redis: Redis) -> None:
    assert "Nothing is in quarantine" in run("quarantine", "ls").stderr
    damaged = {kind: _damaged(kind, redis) for kind in ("a string", "a list", "no status", "missing", "data empty")}
    _meet_them(redis)
    found = {entry["job_id"]: entry for entry in asked("quarantine", "ls")["entries"]}
    assert {name: found[job_id]["dead_letter"] for name, job_id in damaged.items()} == {
        **dict.fromkeys(damaged, False),
        "data empty": True,
    }
    assert "the record is not a hash" in said("quarantine", "ls")
    shown = {kind: asked("quarantine", "show", job_id) for kind, job_id in damaged.items()}
    assert {kind: record["type"] for kind, record in shown.items()} == {
        "a string": "string",
        "a list": "list",
        "no status": "hash",
        "missing": "none",
        "data empty": "hash",
    }
    assert shown["a list"]["parts"] == {"0": "not", "1": "a", "2": "record"}
    assert shown["no status"]["parts"]["task"] == "sample.add"
    assert "no job" in run("quarantine", "show", "nobody", code=1).stderr


def _damaged(kind: str, redis: Redis) -> str:
    job_id = said("enqueue", "sample.add", "a=1", "b=2").strip()
    KINDS[kind](redis, job_id)
    return job_id


def _meet_them(redis: Redis) -> None:
    """As a horse does."""
    claims = Claims(redis, "a worker")
    while claim := claims.claim(["default"], claims.new_execution(), time.time()):
        ending = Quarantined("the record cannot be read")
        claims.settle(claim, ending, at=time.time(), peak_kb=1, queues=(), execution="")
