"""A worker starts only on a server that keeps its promise, and takes few of its connections."""

from __future__ import annotations

from typing import cast

import pytest
from redis import Redis

from jobs import enqueue, monitor
from jobs.server import problems, require_fit
from jobs.views import ServerView
from tests.worker import sample_tasks as sample
from tests.worker.conftest import Stable
from worker.endings import cause_of_death


def test_a_fit_server_is_described(redis: Redis) -> None:
    found = require_fit(redis)
    assert found.name.split()[0] in {"valkey", "redis"}
    assert found.durability == "none"


def test_all_that_is_wrong_with_a_server_is_said_at_once() -> None:
    old = ServerView("redis 6.0.16", "6.0.16", 1, 0, "allkeys-lru", "none", 1)
    assert len(problems(old)) == 2
    assert "6.2 is the oldest" in problems(old)[0]
    assert "noeviction" in problems(old)[1]


@pytest.mark.processes
def test_a_worker_refuses_a_server_that_evicts(start_worker: Stable, redis: Redis) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        worker = start_worker(ready=False)
        assert worker.process.wait(15) == 1
        assert "set maxmemory-policy noeviction" in worker.output.read_text()
    finally:
        redis.config_set("maxmemory-policy", "noeviction")


@pytest.mark.processes
def test_a_worker_takes_one_connection_and_one_for_each_horse(start_worker: Stable, redis: Redis) -> None:
    before = len(cast("list[object]", redis.client_list()))
    start_worker("--horses", "2")
    jobs, seen = [enqueue(sample.report) for _ in range(200)], []
    while monitor.get_job(jobs[-1].id).status != "finished":
        seen.append(len(cast("list[object]", redis.client_list())) - before)
    assert sorted(seen)[len(seen) * 9 // 10] <= 3  # the supervisor's may be two for a moment


def test_a_cause_of_death_is_told_in_words() -> None:
    assert cause_of_death(9, 512 * 1024) == "killed by signal 9 (SIGKILL), peak 512 MB, probably out of memory"
    assert cause_of_death(9, 512 * 1024, by_us=True) == "killed by signal 9 (SIGKILL), peak 512 MB, by its worker"
    assert cause_of_death(3 << 8, 0) == "the process exited with code 3"
