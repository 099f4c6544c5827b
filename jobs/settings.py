"""The only reader of environment variables: one frozen, validated object, read once at the door."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from . import setting_kinds as kinds
from .errors import SettingsError
from .setting_kinds import Environment
from .setting_kinds import LogFormat as LogFormat

_USUAL_LATENCY = 30.0
_CONNECTIONS = 3  # of all web processes, so that two releases at once fit a small plan
_RELEASE_NAMES = ("RELEASE", "HEROKU_RELEASE_VERSION", "RENDER_GIT_COMMIT", "FLY_MACHINE_VERSION")


class Settings(BaseSettings):
    """All settings of all processes. Sizes are in bytes, durations in seconds."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    environment: Environment = Field(Environment.PRODUCTION, validation_alias="NIGHTSHIFT_ENV")
    release: str = Field("dev", max_length=64, validation_alias=AliasChoices(*_RELEASE_NAMES))

    redis_url: kinds.RedisUrl = Field(None, validate_default=True)  # which fills it
    redis_ca_certs: str | None = None
    redis_verify_certs: bool = True

    host: str = "0.0.0.0"  # noqa: S104 - a PaaS routes to whatever address the dyno has # nosec B104
    port: int = Field(8000, ge=0, le=65535)
    web_concurrency: int = Field(2, ge=1, le=64)
    web_threads: int = Field(8, ge=2, le=128)
    web_connections: int | None = Field(None, ge=1, le=128)
    trusted_hosts: kinds.CommaList = ()
    cors_origins: kinds.Origins = ()
    proxy_hops: int = Field(0, ge=0, le=5)

    secret_key: SecretStr | None = Field(None, validate_default=True)
    admin_password: SecretStr | None = Field(None, validate_default=True)
    api_token: SecretStr | None = Field(None, validate_default=True)

    queues: kinds.QueueNames = ("high", "default", "low")
    horses: int = Field(2, ge=1, le=64)
    prefetch: int = Field(16, ge=0, le=64)  # short jobs that a horse takes at a time, besides the one that it runs
    shutdown_grace: float = Field(20.0, ge=0, le=600)

    log_level: str = Field("INFO", pattern="(?i)^(debug|info|warning|error)$")
    log_format: LogFormat = LogFormat.AUTO

    rate_limit: int = Field(6000, ge=0, le=1_000_000)  # calls of the API per token and minute; 0 counts nothing
    max_queue_depth: int = Field(1_000_000, ge=1)
    max_args_bytes: int = Field(64 * 1024, ge=1024)
    max_result_bytes: int = Field(256 * 1024, ge=1024)
    file_max_bytes: int = Field(64 * 1024 * 1024, ge=1024, le=500 * 1024 * 1024)
    file_ttl: int = Field(7 * 86400, ge=60)
    result_ttl: int = Field(7 * 86400, ge=60)
    failure_ttl: int = Field(90 * 86400, ge=60)
    canceled_ttl: int = Field(30 * 86400, ge=60)
    history_ttl: int = Field(90 * 86400, ge=60)
    audit_ttl: int = Field(365 * 86400, ge=60)
    keep_finished: int = Field(100_000, ge=1)  # of each queue, as the next two
    keep_failed: int = Field(10_000, ge=1)
    keep_canceled: int = Field(10_000, ge=1)
    keep_history: int = Field(300, ge=1, le=10_000)  # of each schedule
    keep_audit: int = Field(10_000, ge=1, le=100_000)

    queue_latency: kinds.Latencies = "30"  # as `latency_target` reads it
    scale_min_workers: int = Field(1, ge=0, le=1000)

    sentry_dsn: SecretStr | None = None
    otel_sdk_disabled: bool = False
    otel_traces_exporter: str = Field("otlp", pattern="(?i)^(otlp|console|none)$")
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_traces_endpoint: str | None = None

    data_dir: Path = Path(".data")
    timezone: kinds.Zone = "UTC"
    skip_recurring: bool = False
    smtp_url: kinds.SmtpUrl = None
    mail_from: str = "Nightshift <nightshift@localhost>"
    webhook_secret: SecretStr | None = None
    webhook_queue: kinds.QueueName | None = None
    webhook_disable_after: int = Field(5 * 86400, ge=60)
    webhook_max_waiting: int = Field(50_000, ge=1)
    outbound_allow: kinds.Places = ()

    alert_mail: kinds.MailAddresses = ()
    alert_slack_url: kinds.WebAddress = None
    alert_webhook_url: kinds.SigningAddress = None
    alert_rules: kinds.AlertRules = kinds.ALERT_RULES
    alert_every: float = Field(15.0, ge=0, le=600)  # 0 looks for nothing
    alert_after: float = Field(60.0, ge=0, le=86400)
    alert_clear_after: float = Field(120.0, ge=0, le=86400)
    alert_failure_rate: float = Field(0.25, gt=0, le=1)
    alert_failure_least: int = Field(20, ge=1)
    alert_latency: float = Field(600.0, gt=0)
    alert_dead_letters: int = Field(20, ge=1)  # new ones within an hour
    alert_memory: float = Field(0.8, gt=0, le=1)
    alert_redis_after: float = Field(60.0, ge=0, le=86400)

    @property
    def production(self) -> bool:
        """Whether secrets are compulsory and cookies are for https only."""
        return self.environment is Environment.PRODUCTION

    @property
    def connections_of_web(self) -> int:
        """How many connections one web process holds at most: all of a release three, or one each."""
        return self.web_connections or max(1, _CONNECTIONS // self.web_concurrency)

    @property
    def internal_queue(self) -> str:
        """Where our own jobs wait: a queue that workers serve, and not the most urgent one."""
        return "default" if "default" in self.queues else self.queues[-1]

    @property
    def traces(self) -> bool:
        """Whether OpenTelemetry is to send traces, by its own standard variables."""
        endpoint = self.otel_exporter_otlp_traces_endpoint or self.otel_exporter_otlp_endpoint
        exporter = self.otel_traces_exporter.lower()
        return not self.otel_sdk_disabled and (exporter == "console" or (exporter == "otlp" and endpoint is not None))

    def latency_target(self, queue: str) -> float:
        """How many seconds a job may wait in this queue before more workers are called for."""
        parts = [part.strip().rpartition("=") for part in self.queue_latency.split(",")]
        found = {name: float(seconds) for name, _, seconds in parts}
        return found.get(queue, found.get("", _USUAL_LATENCY))

    @property
    def delivery_queue(self) -> str:
        """Where deliveries of webhooks wait."""
        return self.webhook_queue or self.internal_queue

    @property
    def alert_channels(self) -> tuple[str, ...]:
        """Where alerts go."""
        set_up = {"mail": self.alert_mail, "slack": self.alert_slack_url, "webhook": self.alert_webhook_url}
        return tuple(name for name, where in set_up.items() if where)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that pages and schedules use unless they name one."""
        return ZoneInfo(self.timezone)


class _Serving(Settings):
    """Those of a process that answers HTTP: in production it is closed to whoever does not know a secret."""

    _closed = field_validator("secret_key", "admin_password", "api_token")(kinds.closed_in_production)


def read_settings(*, serves: bool = True) -> Settings:
    """Read the environment; the secrets of web are compulsory in production only where HTTP is served.

    Raises SettingsError with every problem at once; each names its variable, and no secret's value is shown.
    """
    try:
        return _Serving() if serves else Settings()
    except ValidationError as error:
        raise SettingsError(_sentences(error)) from None


def _sentences(error: ValidationError) -> list[str]:
    return [_sentence(problem) for problem in error.errors(include_url=False)]


def _sentence(problem: Mapping[str, Any]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    field = str(problem["loc"][0])
    return f"{_variable(field)}: {message}{_given(field, problem)}"


def _variable(field: str) -> str:
    return "NIGHTSHIFT_ENV" if field == "environment" else field.upper()


def _given(field: str, problem: Mapping[str, Any]) -> str:
    info = Settings.model_fields.get(field)
    secret = info is not None and "SecretStr" in str(info.annotation)
    given = problem.get("input")
    return "" if secret or given is None else f" (given: {given!r})"


class _Current:
    """What `use_settings` put in place of the environment, and whether this process answers HTTP."""

    chosen: Settings | None = None
    serves = True


@cache
def _read_once(serves: bool) -> Settings:
    return read_settings(serves=serves)


def current_settings(*, serves: bool | None = None) -> Settings:
    """The settings of this process, read from the environment at the first call; `serves` as in `read_settings`."""
    return _Current.chosen or _read_once(_Current.serves if serves is None else serves)


def serve_nobody() -> None:
    """This process answers no HTTP: from now on `current_settings` does without the secrets of web."""
    _Current.serves = False


def use_settings(settings: Settings | None) -> None:
    """Put these settings in place of the environment's; None goes back to it."""
    _Current.chosen = settings
