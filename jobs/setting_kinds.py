"""Kinds of settings: what a variable's text may be. What is wrong is said in words that follow the variable's name."""

from __future__ import annotations

import re
from base64 import b64decode
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_settings import NoDecode

ALERT_RULES = ("failures", "latency", "workers", "missed", "clock", "dead_letters", "memory", "redis")

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_QUEUE_NAME = re.compile(_NAME)
_LATENCY = re.compile(rf"({_NAME}=)?[0-9]+(\.[0-9]+)?")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")
_HOST = re.compile(r"(?i)[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_DAY = 86_400
_LEAST_SECRET = 16
_LOCAL_REDIS = "redis://127.0.0.1:6379/0"
_SMTP = ("smtp://", "smtps://", "smtp+starttls://")


class Environment(StrEnum):
    """Where the process runs; production is the default, so that nothing is open by accident."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    TEST = "test"


class LogFormat(StrEnum):
    """`auto` is readable text in a terminal and JSON elsewhere."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


def closed_in_production(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    """A secret without which nothing is to be served in production."""
    if _is_production(info) and (value is None or len(value.get_secret_value()) < _LEAST_SECRET):
        raise ValueError(f"must be set in production, to at least {_LEAST_SECRET} characters")
    return value


def _split(value: Any) -> Any:
    return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value


def _queue_names(value: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [name for name in value if not _QUEUE_NAME.fullmatch(name)]
    if wrong or not value or len(set(value)) != len(value):
        raise ValueError("must be different queue names of letters, digits, '_', '.', '-', separated by commas")
    return value


def _redis_url(value: Any, info: ValidationInfo) -> Any:
    if value is None and _is_production(info):
        raise ValueError("must be set in production")
    url = value.get_secret_value() if isinstance(value, SecretStr) else str(value or _LOCAL_REDIS)
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    return url


def _smtp_url(value: SecretStr | None) -> SecretStr | None:
    if value and not value.get_secret_value().startswith(_SMTP):
        raise ValueError(f"must start with {', '.join(_SMTP)}")
    return value


def _places(value: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [item for item in value if not (_HOST.fullmatch(item) or _is_network(item))]
    if wrong:
        raise ValueError(f"must be host names and networks such as 10.0.0.0/8, which {wrong[0]!r} is not")
    return value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [origin for origin in value if not _ORIGIN.fullmatch(origin)]:
        raise ValueError(f"must be origins such as https://shop.example.com, which {wrong[0]!r} is not")
    return value


def _latencies(value: str) -> str:
    parts = [part.strip() for part in value.split(",")]
    if not all(_LATENCY.fullmatch(part) and 0 < float(part.rpartition("=")[2]) <= _DAY for part in parts):
        raise ValueError("must be seconds, such as 30, and others for single queues, such as 30,high=5,low=600")
    return value


def _mail_addresses(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    if wrong := [address for address in value if not _MAIL.fullmatch(address)]:
        raise ValueError(f"must be mail addresses separated by commas, which {wrong[0]!r} is not")
    if value and info.data.get("smtp_url") is None:
        raise ValueError("needs SMTP_URL, the server that takes the mail")
    return value


def _web_address(value: SecretStr | None) -> SecretStr | None:
    if value and not value.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value


def _signed(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    if value and not _can_sign(info.data.get("webhook_secret")):
        raise ValueError("needs WEBHOOK_SECRET, 'whsec_' and base64 text, which signs the messages")
    return value


def _rules(value: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [rule for rule in value if rule not in ALERT_RULES]:
        raise ValueError(f"{wrong[0]!r} is no rule; those are {', '.join(ALERT_RULES)}")
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("must be an IANA time zone such as Europe/Berlin")
    return value


def _is_production(info: ValidationInfo) -> bool:
    return info.data.get("environment", Environment.PRODUCTION) is Environment.PRODUCTION


def _can_sign(secret: SecretStr | None) -> bool:
    try:
        return bool(secret and b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True))
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text))
    except ValueError:
        return False


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
QueueNames = Annotated[CommaList, AfterValidator(_queue_names)]
QueueName = Annotated[str, Field(pattern=f"^{_NAME}$")]
Latencies = Annotated[str, Field(max_length=2000), AfterValidator(_latencies)]
RedisUrl = Annotated[SecretStr, BeforeValidator(_redis_url)]
SmtpUrl = Annotated[SecretStr | None, AfterValidator(_smtp_url)]
Origins = Annotated[CommaList, AfterValidator(_origins)]
Places = Annotated[CommaList, AfterValidator(_places)]
MailAddresses = Annotated[CommaList, AfterValidator(_mail_addresses)]
WebAddress = Annotated[SecretStr | None, AfterValidator(_web_address)]
SigningAddress = Annotated[WebAddress, AfterValidator(_signed)]
AlertRules = Annotated[CommaList, AfterValidator(_rules)]
Zone = Annotated[str, AfterValidator(_zone)]
