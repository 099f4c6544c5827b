"""Secrets inside texts: an error message or a log line may quote a password that no name gives away."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from . import at_work, redaction
from .redaction import HIDDEN
from .settings import Settings

_SHORTEST = 4  # a shorter text stands in too many others to be taken out of them


def of_running() -> frozenset[str]:
    """The secrets of the job that is being run; none outside of one."""
    job = at_work.running()
    return job.secrets() if job else frozenset()


def of_settings(settings: Settings) -> frozenset[str]:
    """Every secret of the settings; of an address also its password alone."""
    return frozenset(secret for secret in _settings(settings) if len(secret) >= _SHORTEST)


def of_job(task: str, args: Mapping[str, Any]) -> frozenset[str]:
    """The texts among a job's arguments that are not shown."""
    found = _differing(args, redaction.arguments(task, args))
    return frozenset(secret for secret in found if len(secret) >= _SHORTEST)


def without(text: str, secrets: Collection[str]) -> str:
    """A text in which no secret stands; the longest goes first, as it may have another in it."""
    found = [secret for secret in secrets if secret in text]
    for secret in sorted(found, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def scrubbed(value: Any, secrets: Collection[str]) -> Any:
    """A JSON value in whose texts no secret stands."""
    if isinstance(value, str):
        return without(value, secrets)
    if isinstance(value, Mapping):
        return {name: scrubbed(item, secrets) for name, item in value.items()}
    return [scrubbed(item, secrets) for item in value] if isinstance(value, (list, tuple)) else value


def _settings(settings: Settings) -> Iterator[str]:
    for name in type(settings).model_fields:
        if isinstance(value := getattr(settings, name), SecretStr):
            text = value.get_secret_value()
            password = urlsplit(text).password if "://" in text else None
            whole = () if "://" in text and password is None else (text,)  # an address without a password is no secret
            yield from (*whole, password or "", unquote(password or ""))


def _differing(whole: Any, shown: Any) -> Iterator[str]:
    """The texts of a JSON value that are not in what is shown of it."""
    if shown == HIDDEN:
        yield from _texts(whole)
    elif isinstance(whole, Mapping):
        for name, item in whole.items():
            yield from _differing(item, shown[name])
    elif isinstance(whole, list):
        for item, part in zip(whole, shown, strict=True):
            yield from _differing(item, part)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
