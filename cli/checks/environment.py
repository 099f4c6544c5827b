"""Settings that are valid, and still not those of a deploy."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from cli.checks.findings import Finding, advice, problem
from jobs.settings import Settings

_SECRETS = ("secret_key", "admin_password", "api_token")
_LOCAL = {"localhost", "127.0.0.1", "::1"}


def of_environment(settings: Settings) -> Iterator[Finding]:
    """Environment, secrets and TLS."""
    if not settings.production:
        yield problem("NIGHTSHIFT_ENV", f"is {settings.environment}; a deploy runs in production (the default)")
    secrets = [value.get_secret_value() for name in _SECRETS if (value := getattr(settings, name)) is not None]
    if len(set(secrets)) < len(secrets):
        yield advice("SECRET_KEY, ADMIN_PASSWORD, API_TOKEN", "two are the same; give each a value of its own")
    if settings.skip_recurring:
        yield advice("SKIP_RECURRING", "is true: the clock enqueues nothing; unset it unless this is a review app")
    if settings.alert_every and not settings.alert_channels:
        text = "is not set, nor ALERT_SLACK_URL or ALERT_WEBHOOK_URL: nobody is told when work stands still"
        yield advice("ALERT_MAIL", f"{text} (docs/alerts.md); ALERT_EVERY=0 if other tools watch")
    for variable, library in _missing_extras(settings):
        text = f"is set, but {library} is not installed: add -r requirements-extras.txt to requirements.txt"
        yield advice(variable, f"{text} (docs/tracing.md)")
    yield from _of_transport(settings)


def _missing_extras(settings: Settings) -> Iterator[tuple[str, str]]:
    wanted = {
        ("SENTRY_DSN", "sentry_sdk"): settings.sentry_dsn is not None,
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry"): settings.traces,
    }
    yield from (names for names, asked in wanted.items() if asked and find_spec(names[1]) is None)


def _of_transport(settings: Settings) -> Iterator[Finding]:
    address = urlsplit(settings.redis_url.get_secret_value())
    if address.scheme == "redis" and address.hostname not in _LOCAL:
        yield advice("REDIS_URL", "is redis://, so jobs travel in clear; use rediss:// unless the network is private")
    if address.scheme == "rediss" and not settings.redis_verify_certs:
        text = "is false: whoever stands between can read jobs; give the provider's authority in REDIS_CA_CERTS instead"
        yield advice("REDIS_VERIFY_CERTS", text)
