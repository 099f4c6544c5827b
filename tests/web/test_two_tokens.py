"""Two tokens for different tasks walk through the API at random, and never see anything of each other's."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

pytestmark = pytest.mark.usefixtures("redis")

_ID = re.compile(r"[0-9a-f]{32}")
_TASKS = {"web_tests.add": {"a": 1}, "web_tests.fail": {"message": "no"}}


@dataclass
class Walker:
    """A token, and the ids of the jobs it has made."""

    client: FlaskClient
    task: str
    own: set[str] = field(default_factory=set)

    def step(self, chance: random.Random, known: list[str]) -> TestResponse:
        """Do one thing, often to a job that is not its own."""
        job = f"/api/v1/jobs/{chance.choice(known)}" if known else "/api/v1/jobs/x"
        listed = chance.choice(["", "?status=failed", "?status=queued&limit=3", "?task=web_tests.add", "?tag=shared"])
        task = chance.choice(list(_TASKS))
        act = {"action": chance.choice(["retry", "delete"]), "filter": {"status": "failed"}}
        calls: list[Callable[[], TestResponse]] = [
            lambda: self.enqueue(task),
            lambda: self.enqueue(self.task),
            lambda: self.client.get(f"/api/v1/jobs{listed}"),
            lambda: self.client.get(job),
            lambda: self.client.get(job + chance.choice(["/result", "/log", "/artifacts/x"])),
            lambda: self.client.post(job + chance.choice(["/cancel", "/retry"])),
            lambda: self.client.delete(job),
            lambda: self.client.get(chance.choice(["/api/v1/failures", "/api/v1/tasks", "/api/v1/workers"])),
            lambda: self.client.post("/api/v1/jobs/bulk", json=act),
        ]
        return chance.choice(calls)()

    def enqueue(self, task: str) -> TestResponse:
        body = {"task": task, "args": _TASKS[task], "tags": ["shared"], "unique": {"until": "started", "key": "same"}}
        answer = self.client.post("/api/v1/jobs", json=body, headers={"Idempotency-Key": "same"})
        if answer.status_code in {200, 202}:
            assert task == self.task
            self.own.add(answer.get_json()["id"])
        return answer


def walker(app: Flask, api: FlaskClient, task: str) -> Walker:
    fields = {"name": task, "scopes": ["read", "enqueue", "operate"], "tasks": [task]}
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {api.post('/api/v1/tokens', json=fields).get_json()['token']}"
    return Walker(client, task)


@pytest.mark.parametrize("steps", [2_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_no_step_tells_one_of_the_other(app: Flask, api: FlaskClient, run_jobs: Callable[[], int], steps: int) -> None:
    chance = random.Random(20261121)
    walkers = [walker(app, api, task) for task in _TASKS]
    for number in range(steps):
        if number % 50 == 0:
            run_jobs()
            _make_some(api, walkers)
        one, other = chance.sample(walkers, 2)
        answer = one.step(chance, sorted(one.own | other.own))
        assert answer.status_code < 500
        body = answer.text.replace(answer.headers["X-Request-ID"], "") if answer.status_code < 400 else ""
        assert not set(_ID.findall(body)) & other.own, (answer.request.path, body)
        assert f'"{other.task}"' not in body
    assert all(len(one.own) > 20 for one in walkers)


def _make_some(api: FlaskClient, walkers: list[Walker]) -> None:
    for one in walkers:
        answer = api.post("/api/v1/jobs", json={"task": one.task, "args": _TASKS[one.task], "tags": ["shared"]})
        one.own.add(answer.get_json()["id"])
