"""`check`: what a release phase says before it lets a release through."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr
from redis import Redis

from cli.__main__ import main
from cli.checks.environment import of_environment
from cli.checks.formation import of_processes, read_formation
from cli.checks.server import of_skew
from jobs import connection, registry, schedules, task
from jobs import settings as settings_of_the_process
from jobs.settings import Settings

SECRETS = dict.fromkeys(("SECRET_KEY", "ADMIN_PASSWORD", "API_TOKEN"), "long enough for a test")
SECRETS_OF_SETTINGS = {name.lower(): f"{name} of a test" for name in SECRETS}


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """As at the start of a process: settings are read from the environment, no client is open."""
    settings_of_the_process._read_once.cache_clear()
    connection.use_client(None)
    yield
    settings_of_the_process._read_once.cache_clear()
    connection.use_client(None)


def check(*arguments: str, **variables: str) -> Result:
    """Run it where only these variables are set."""
    settings_of_the_process.use_settings(None)
    settings_of_the_process._read_once.cache_clear()
    return CliRunner().invoke(main, ["check", *arguments], env={"NIGHTSHIFT_ENV": None, **variables})


@pytest.mark.server
def test_a_sound_deploy_passes(redis_url: str) -> None:
    result = check("--deploy", REDIS_URL=redis_url, **SECRETS)
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("All is well: settings, Redis, tasks and schedules.\n")


def test_all_wrong_settings_are_named_at_once() -> None:
    result = check("--deploy", REDIS_URL="http://example.com", HORSES="0")
    assert result.exit_code == 1
    assert all(f"  - {name}: " in result.output for name in ("REDIS_URL", "HORSES", *SECRETS))
    assert "5 problems to solve" in result.output


def test_a_server_that_does_not_answer_is_named() -> None:
    result = check(REDIS_URL="redis://127.0.0.1:1/0", **SECRETS)
    assert result.exit_code == 1
    assert "  - REDIS_URL: Redis is unavailable" in result.output


@pytest.mark.server
def test_a_server_that_would_drop_jobs_is_refused(redis_url: str) -> None:
    client = connection.connect(Settings(NIGHTSHIFT_ENV="test", redis_url=redis_url))
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        result = check(REDIS_URL=redis_url, **SECRETS)
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.close()
    assert "eviction policy is allkeys-lru" in result.output


@pytest.mark.server
def test_a_development_environment_is_not_deployed(redis_url: str) -> None:
    variables = {"REDIS_URL": redis_url, "NIGHTSHIFT_ENV": "development", **SECRETS}
    assert check(**variables).exit_code == 0
    assert "NIGHTSHIFT_ENV: is development" in check("--deploy", **variables).output


def test_all_that_is_found_is_json_too(redis: Redis) -> None:
    found = json.loads(check("--deploy", "--json", REDIS_URL=_address(redis), **SECRETS).stdout)
    assert found["ok"] is True
    assert found["problems"] == []
    assert {"level", "about", "text"} == found["advice"][0].keys()
    digest = next(plan for plan in found["schedules"] if plan["schedule"] == "maintenance.digest")
    assert len(digest["next_ticks"]) == 3
    assert datetime.fromisoformat(digest["next_ticks"][0]).astimezone(ZoneInfo("Europe/Berlin")).hour == 7


def test_a_server_that_forgets_is_advised_against(redis: Redis) -> None:
    told = check("--deploy", REDIS_URL=_address(redis), **SECRETS).stderr
    assert "advice: Redis: keeps no append-only file" in told
    assert "advice: Redis: has no maxmemory" in told
    assert "two are the same" in told


def test_a_full_server_is_a_problem_and_a_filling_one_is_advice(redis: Redis) -> None:
    used = int(redis.info("memory")["used_memory"])
    try:
        redis.config_set("maxmemory", int(used / 0.8))
        assert "at 90% nothing new is accepted" in check("--deploy", REDIS_URL=_address(redis), **SECRETS).stderr
        redis.config_set("maxmemory", int(used / 0.97))
        full = check("--deploy", REDIS_URL=_address(redis), **SECRETS)
    finally:
        redis.config_set("maxmemory", 0)
    assert full.exit_code == 1
    assert "so nothing new is accepted" in full.stderr


def test_connections_are_counted_against_the_formation(redis: Redis) -> None:
    redis.config_set("maxclients", 20)
    try:
        tight = check("--deploy", REDIS_URL=_address(redis), **SECRETS)
        roomy = check("--deploy", REDIS_URL=_address(redis), WEB_CONNECTIONS="8", **SECRETS)
        short = check("--deploy", REDIS_URL=_address(redis), HORSES="30", **SECRETS)
    finally:
        redis.config_set("maxclients", 10_000)
    assert tight.exit_code == roomy.exit_code == 0
    assert "connections" not in tight.stderr
    assert "advice: Redis: allows 20 connections; the formation takes up to 20, and twice that" in roomy.stderr
    assert short.exit_code == 1
    assert "allows 20 connections; the formation takes at least" in short.stderr


def test_a_queue_that_no_worker_takes_is_named(redis: Redis) -> None:
    told = check("--deploy", REDIS_URL=_address(redis), QUEUES="high,default", **SECRETS)
    assert told.exit_code == 1
    assert re.search(r"queue low: no worker of the Procfile takes its jobs, .*task maintenance\.check", told.stderr)


def test_a_schedule_made_at_run_time_is_checked_against_this_release(redis: Redis, settings: Settings) -> None:
    with inline_tasks("gone.task"):
        schedules.create({"id": "old", "task": "gone.task", "every": 60, "queue": "nobody"}, actor="test")
    told = check("--deploy", REDIS_URL=_address(redis), **SECRETS)
    assert told.exit_code == 1
    assert "schedule old: no task is named 'gone.task' in this release; it was made at run time" in told.stderr
    assert "queue nobody: no worker of the Procfile takes its jobs, which schedule old enqueue" in told.stderr


def test_clear_text_and_unchecked_certificates_are_advised_against() -> None:
    told = {"alert_slack_url": "https://hooks.example.com/x"}

    def advised(**values: object) -> list[str]:
        given = Settings.model_validate({"NIGHTSHIFT_ENV": "production", **told, **SECRETS_OF_SETTINGS, **values})
        return [finding.about for finding in of_environment(given)]

    assert advised(redis_url="redis://db.example.com") == ["REDIS_URL"]
    assert advised(redis_url="redis://localhost") == []
    assert advised(redis_url="rediss://db.example.com") == []
    assert advised(redis_url="rediss://db.example.com", redis_verify_certs=False) == ["REDIS_VERIFY_CERTS"]
    assert advised(redis_url="redis://localhost", alert_slack_url=None) == ["ALERT_MAIL"]
    assert advised(redis_url="redis://localhost", skip_recurring=True) == ["SKIP_RECURRING"]


def test_clocks_that_differ_are_told() -> None:
    assert list(of_skew(0.5)) == []
    assert [finding.level for finding in of_skew(-3)] == ["advice"]
    [far] = of_skew(42)
    assert far.level == "problem"
    assert "42 s ahead of the Redis server" in far.text


def test_a_procfile_without_worker_or_clock_is_named(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: gunicorn web.wsgi:app\n")
    assert [finding.text.split(",")[0] for finding in of_processes(read_formation(tmp_path))] == [
        "has no worker",
        "has no clock",
    ]


def test_one_process_may_be_all_of_them(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: python -m cli all-in-one\n")
    found = read_formation(tmp_path)
    assert list(of_processes(found)) == []
    assert found.served(settings) == set(settings.queues)


def test_workers_of_the_procfile_may_share_the_queues(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text(
        "fast: python -m worker --queues high,urgent\nslow: python -m worker --queues=low --horses 4\n"
    )
    (tmp_path / "app.json").write_text('{"formation": {"slow": {"quantity": 3}}}')
    found = read_formation(tmp_path)
    assert found.served(settings) == {"high", "urgent", "low"}
    assert found.count(found.workers) == 4


def _address(redis: Redis) -> str:
    return f"unix://{redis.connection_pool.connection_kwargs['path']}"


@contextmanager
def inline_tasks(name: str) -> Iterator[None]:
    """A task that exists for a while, as in the release before."""

    @task(name=name)
    def work() -> None:
        """Do nothing."""

    yield
    registry._tasks.pop(name)


def test_what_is_set_for_an_extra_that_is_not_installed_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"sentry_dsn": SecretStr("https://key@sentry.example/1"), "otel_exporter_otlp_endpoint": "http://collector"}
    wanted = settings.model_copy(update=asked)
    extras = {"SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT"}
    assert not extras & {found.about for found in of_environment(wanted)}
    monkeypatch.setattr("cli.checks.environment.find_spec", lambda name: None)
    assert extras <= {found.about for found in of_environment(wanted)}
    assert not extras & {found.about for found in of_environment(settings)}
