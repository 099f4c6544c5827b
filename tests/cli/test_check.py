"""`check`: what a release phase says before it lets a release through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from cli.__main__ import main
from jobs import connection, settings

SECRETS = dict.fromkeys(("SECRET_KEY", "ADMIN_PASSWORD", "API_TOKEN"), "long enough for a test")


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """As at the start of a process: settings are read from the environment, no client is open."""
    settings._read_once.cache_clear()
    connection.use_client(None)
    yield
    settings._read_once.cache_clear()
    connection.use_client(None)


def check(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], env=variables)


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
    client = connection.connect(settings.Settings(NIGHTSHIFT_ENV="test", redis_url=redis_url))
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
