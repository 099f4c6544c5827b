"""What leaves the house for a tool carries no secrets: not by name, not those of the settings, not a job's own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .. import redaction, scrubbing
from ..records import Job
from ..settings import Settings

_own: ContextVar[Collection[str]] = ContextVar("secrets of the job", default=())


class Scrubber:
    """Takes secrets out of texts and JSON values."""

    def __init__(self, settings: Settings) -> None:
        self._settings = scrubbing.of_settings(settings)

    def text(self, text: str) -> str:
        """The same without any value of a secret setting, or of a secret argument of the running job."""
        return scrubbing.without(text, {*self._settings, *_own.get()})

    def value(self, value: Any) -> Any:
        """The same JSON value, also without what stands under the name of a secret."""
        return scrubbing.scrubbed(redaction.redacted(value), {*self._settings, *_own.get()})


@contextmanager
def hiding(job: Job) -> Iterator[None]:
    """Take the secret arguments of this job out of every text for a while."""
    token = _own.set(scrubbing.of_job(job.task, job.args))
    try:
        yield
    finally:
        _own.reset(token)
