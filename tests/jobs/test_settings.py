"""The environment is read once, and everything wrong with it is said at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from jobs import connection
from jobs.errors import SettingsError
from jobs.settings import Settings, read_settings

PRODUCTION = {
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "SECRET_KEY": "s" * 32,
    "ADMIN_PASSWORD": "p" * 32,
    "API_TOKEN": "t" * 32,
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("NIGHTSHIFT_ENV", raising=False)


def test_production_refuses_to_start_without_its_secrets_and_names_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eighty")
    monkeypatch.setenv("API_TOKEN", "short")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    named = [problem.split(":")[0] for problem in caught.value.problems]
    assert sorted(named) == ["ADMIN_PASSWORD", "API_TOKEN", "PORT", "REDIS_URL", "SECRET_KEY"]
    assert "given: 'eighty'" in str(caught.value)
    assert "short" not in str(caught.value)


def test_a_process_that_answers_no_http_needs_redis_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"REDIS_URL: must be set in production$"):
        read_settings(serves=False)
    monkeypatch.setenv("REDIS_URL", PRODUCTION["REDIS_URL"])
    assert read_settings(serves=False).production


@pytest.mark.parametrize("command", [("-m", "worker"), ("clock.py",)])
def test_help_needs_no_settings(command: tuple[str, ...]) -> None:
    wrong = os.environ | {"NIGHTSHIFT_ENV": "nowhere"}
    done = subprocess.run([sys.executable, *command, "--help"], env=wrong, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: python")


def test_production_starts_with_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    assert read_settings().production


def test_development_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_ENV", "development")
    settings = read_settings()
    assert (settings.port, settings.queues) == (8000, ("high", "default", "low"))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("QUEUES", "a,a", "different queue names"),
        ("QUEUES", "so so", "different queue names"),
        ("REDIS_URL", "http://example.com", "must start with redis://, rediss:// or unix://"),
        ("SMTP_URL", "mail.example.com", "must start with smtp://"),
        ("TIMEZONE", "Middle-earth/Shire", "IANA time zone"),
        ("LOG_LEVEL", "loud", "pattern"),
        ("OUTBOUND_ALLOW", "10.0.0.0/33", "networks such as 10.0.0.0/8, which '10.0.0.0/33' is not"),
        ("CORS_ORIGINS", "https://a.example, all", "origins such as https://shop.example.com, which 'all' is not"),
        ("CORS_ORIGINS", "https://a.example/", "which 'https://a.example/' is not"),
        ("HORSES", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str) -> None:
    monkeypatch.setenv("NIGHTSHIFT_ENV", "development")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}: .*{reason}"):
        read_settings()


def test_secrets_are_never_shown() -> None:
    settings = Settings(NIGHTSHIFT_ENV="test", api_token=SecretStr("a token"))
    assert "a token" not in repr(settings)


def test_a_platform_says_which_release_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_ENV", "development")
    monkeypatch.setenv("HEROKU_RELEASE_VERSION", "v42")
    assert read_settings().release == "v42"


def test_every_setting_is_in_the_manual() -> None:
    manual = Path("docs/settings.md").read_text(encoding="utf-8")
    names = {"environment": "NIGHTSHIFT_ENV"}
    assert [name for name in Settings.model_fields if f"`{names.get(name, name.upper())}`" not in manual] == []


def tls(**values: object) -> dict[str, object]:
    url = SecretStr("rediss://cache.example:6380/0")
    settings = Settings(NIGHTSHIFT_ENV="test", redis_url=url, **values)  # type: ignore[arg-type]
    options: dict[str, object] = connection.connect(settings).connection_pool.connection_kwargs
    return options


def test_certificates_are_checked_unless_a_setting_says_otherwise() -> None:
    assert tls()["ssl_cert_reqs"] == "required"
    assert tls(redis_verify_certs=False)["ssl_cert_reqs"] == "none"


def test_a_private_ca_is_a_path_or_the_text_itself() -> None:
    assert tls(redis_ca_certs="/etc/ca.pem")["ssl_ca_certs"] == "/etc/ca.pem"
    assert tls(redis_ca_certs="-----BEGIN CERTIFICATE-----\n…")["ssl_ca_data"] == "-----BEGIN CERTIFICATE-----\n…"
