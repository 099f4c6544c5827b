"""The app with its test client, a few tasks, and a horse in this process that runs what was enqueued."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from jobs import File, Secret, current_job, task
from jobs.claims import Claims
from jobs.context import JobContext, RedisNotes
from jobs.priorities import names_of
from jobs.retries import Retry
from jobs.running import execute
from jobs.settings import Settings, current_settings
from jobs.verbs import Claim
from tests.web import site as sites
from web import create_app

QUEUES = ["high", "default", "low"]


@task(name="web_tests.add")
def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Nothing else.
    """
    return a + b


@task(name="web_tests.report")
def report(rows: int) -> File:
    """Log, say how far it is and make an artifact."""
    job = current_job()
    job.log("counting", rows=rows)
    job.progress(rows, rows, "done")
    return job.artifact("übersicht 1.txt", b"x" * rows, "text/plain")


@task(name="web_tests.fail", retry=Retry(max=0))
def fail(message: str) -> None:
    """Fail."""
    raise ValueError(message)


@task(name="web_tests.read")
def read(file: File) -> int:
    """Give a file's size."""
    return len(file.read())


@task(name="web_tests.secret")
def secret(settings: dict[str, str], plain: Secret) -> dict[str, object]:
    """Log and return what nobody may see."""
    current_job().log("using it", password=plain)
    return {"length": len(plain), "api_key": settings["password"]}


@task(name="web_tests.trace")
def trace() -> str | None:
    """Give the trace context that the job carries."""
    return current_job().traceparent


@pytest.fixture
def rate_limit() -> int:
    """Counting calls needs a server; the tests of it set a limit."""
    return 0


@pytest.fixture
def app(settings: Settings, rate_limit: int) -> Flask:
    return create_app(settings.model_copy(update={"rate_limit": rate_limit}))


@pytest.fixture
def anyone(app: Flask) -> FlaskClient:
    """A client without a token."""
    return app.test_client()


@pytest.fixture
def api(app: Flask, settings: Settings) -> FlaskClient:
    """A client with a token that has every scope."""
    client = app.test_client()
    assert settings.api_token is not None
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {settings.api_token.get_secret_value()}"
    return client


@pytest.fixture
def run_jobs(redis: Redis) -> Callable[[], int]:
    """Run everything that waits; gives how many jobs were run."""
    claims, lists = Claims(redis, "worker-of-tests"), [name for queue in QUEUES for name in names_of(queue)]

    def run() -> int:
        ran = 0
        while claim := claims.claim(lists, claims.new_execution(), time.time()):
            _run(claims, claim, redis)
            ran += 1
        return ran

    return run


def _run(claims: Claims, claim: Claim, redis: Redis) -> None:
    job = claim.job()
    context = JobContext(job, RedisNotes(job.id, claim.execution, redis, current_settings()))
    ending = execute(job.task, job.args, context)
    claims.settle(claim, ending, at=time.time(), peak_kb=1000, queues=[], execution=claims.new_execution())


@pytest.fixture
def site() -> Iterator[sites.Site]:
    """A real web process with a real server of its own."""
    with sites.running() as site:
        yield site
