"""Errors of attempts and of requests for Sentry: no local variables, no bodies, no secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sentry_sdk

from ..retries import RetryLater
from ..settings import Settings
from . import Answer, Making, Request, Result, trace_id, traceparent
from .scrub import Scrubber, hiding

if TYPE_CHECKING:
    from ..records import Job

_LAST_WORDS = 2.0
_LEVELS = {"retrying": "warning", "failed": "error"}  # a job that was discarded or snoozed was so by its task's will


class Sentry:
    """Reports of one process."""

    def __init__(self, settings: Settings, process: str) -> None:
        self._scrub = Scrubber(settings)
        sentry_sdk.init(
            dsn=settings.sentry_dsn.get_secret_value() if settings.sentry_dsn else None,
            release=settings.release,
            environment=settings.environment.value,
            # Its integrations patch libraries and send what those see; we tell it what happened ourselves.
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            send_default_pii=False,
            send_client_reports=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            before_send=self._clean,
        )
        sentry_sdk.get_global_scope().set_tag("process", process)

    @contextmanager
    def request(self, request: Request) -> Iterator[Callable[[Answer], None]]:
        """Report what nobody expected."""
        with sentry_sdk.isolation_scope() as scope:
            _tag(scope, method=request.method, trace_id=trace_id(traceparent() or request.traceparent))
            yield self._answered

    def made(self, making: Making) -> str | None:
        """Sentry carries no context of its own from a request to a job."""
        return None

    @contextmanager
    def attempt(self, job: Job) -> Iterator[Callable[[Result], None]]:
        """Report an attempt that failed: as a warning when another follows, else as an error."""
        with hiding(job), sentry_sdk.isolation_scope() as scope:
            scope.set_transaction_name(job.task)
            _tag(scope, task=job.task, queue=job.queue, job_id=job.id, attempt=job.attempt)
            _tag(scope, trace_id=trace_id(traceparent() or job.traceparent))
            yield self._ended

    def traceparent(self) -> str | None:
        """None: traces are OpenTelemetry's."""
        return None

    def stop(self) -> None:
        """Send what is left."""
        sentry_sdk.flush(_LAST_WORDS)

    def _answered(self, answer: Answer) -> None:
        if answer.error is not None:
            _tag(sentry_sdk.get_isolation_scope(), route=answer.route, status=answer.status)
            sentry_sdk.capture_exception(answer.error)

    def _ended(self, result: Result) -> None:
        cause = result.error.cause if result.error else None
        awaited = isinstance(cause, RetryLater) and result.outcome == "retrying"
        if cause is not None and result.outcome in _LEVELS and not awaited:
            sentry_sdk.get_isolation_scope().set_level(_LEVELS[result.outcome])  # type: ignore[arg-type]
            sentry_sdk.capture_exception(cause)

    def _clean(self, event: Any, _: object) -> Any:
        return self._scrub.value(event)


def _tag(scope: sentry_sdk.Scope, **tags: str | int | None) -> None:
    for name, value in tags.items():
        if value is not None:
            scope.set_tag(name, str(value))
