"""What leaves the house for a tool carries no secrets: not by name, not those of the settings, not a job's own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from .. import redaction
from ..records import Job
from ..settings import Settings

_SHORTEST = 4  # a shorter text stands in too many others to be taken out of them

_own: ContextVar[Collection[str]] = ContextVar("secrets of the job", default=())


class Scrubber:
    """Takes secrets out of texts and JSON values."""

    def __init__(self, settings: Settings) -> None:
        self._settings = frozenset(_secrets_of(settings))

    def text(self, text: str) -> str:
        """The same without any value of a secret setting, or of a secret argument of the running job."""
        for secret in sorted({*self._settings, *_own.get()}, key=len, reverse=True):
            text = text.replace(secret, redaction.HIDDEN)
        return text

    def value(self, value: Any) -> Any:
        """The same JSON value, also without what stands under the name of a secret."""
        return self._clean(redaction.redacted(value))

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self._clean(item) for name, item in value.items()}
        return [self._clean(item) for item in value] if isinstance(value, (list, tuple)) else value


@contextmanager
def hiding(job: Job) -> Iterator[None]:
    """Take the secret arguments of this job out of every text for a while."""
    found = _differing(job.args, redaction.arguments(job.task, job.args))
    token = _own.set(frozenset(text for text in found if len(text) >= _SHORTEST))
    try:
        yield
    finally:
        _own.reset(token)


def _differing(whole: Any, shown: Any) -> Iterator[str]:
    """The texts of a JSON value that are not in what is shown of it."""
    if shown == redaction.HIDDEN:
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


def _secrets_of(settings: Settings) -> Iterator[str]:
    """Every secret; of an address also its password alone."""
    for name in type(settings).model_fields:
        if isinstance(value := getattr(settings, name), SecretStr):
            text = value.get_secret_value()
            password = urlsplit(text).password if "://" in text else None
            found = {text, password or "", unquote(password or "")}
            yield from (secret for secret in found if len(secret) >= _SHORTEST)
