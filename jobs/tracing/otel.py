"""Spans for OpenTelemetry: one trace from a request through the making of a job to every attempt of it.

Attributes follow https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ and its page on HTTP; ours
begin with `nightshift.`. Where spans go, and how many, is said by the standard variables OTEL_*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..settings import Settings
from . import Answer, Making, Request, Result
from .scrub import Scrubber, hiding

if TYPE_CHECKING:
    from ..records import Job

_LAST_WORDS = 2.0  # seconds: an exporter whose collector is away must not hold up a stop

_propagator = TraceContextTextMapPropagator()


class OpenTelemetry:
    """Traces of one process."""

    def __init__(self, settings: Settings, process: str) -> None:
        self._scrub = Scrubber(settings)
        self._provider = TracerProvider(resource=_resource(settings, process), shutdown_on_exit=False)
        self._provider.add_span_processor(
            SimpleSpanProcessor(ConsoleSpanExporter())
            if settings.otel_traces_exporter == "console"
            else BatchSpanProcessor(OTLPSpanExporter())
        )
        trace.set_tracer_provider(self._provider)  # so that the spans which a task makes itself are in the trace
        self._tracer = self._provider.get_tracer("nightshift", settings.release)

    @contextmanager
    def request(self, request: Request) -> Iterator[Callable[[Answer], None]]:
        """A server span."""
        facts = {"http.request.method": request.method, "url.path": request.path, "url.scheme": "http"}
        with self._span(request.method, SpanKind.SERVER, facts, _context(request.traceparent)) as span:
            yield lambda answer: self._answered(span, request, answer)

    def made(self, making: Making) -> str | None:
        """A producer span, in what is open here, or else in the trace that the request names."""
        inside = trace.get_current_span().get_span_context().is_valid
        facts = _message("create", making.id, making.queue, making.task)
        context = None if inside else _context(making.traceparent)
        with self._span(f"create {making.task}", SpanKind.PRODUCER, facts, context):
            return self.traceparent()

    @contextmanager
    def attempt(self, job: Job) -> Iterator[Callable[[Result], None]]:
        """A consumer span, whose parent is that of the making: so all attempts of a job are in one trace."""
        facts = _message("process", job.id, job.queue, job.task) | {"nightshift.attempt": job.attempt}
        facts |= {"nightshift.schedule": job.schedule or "", "nightshift.tick": job.tick or ""} if job.schedule else {}
        context = _context(job.traceparent) or Context()
        with hiding(job), self._span(f"process {job.task}", SpanKind.CONSUMER, facts, context) as span:
            yield lambda result: self._ended(span, result)

    def traceparent(self) -> str | None:
        """The context of the span that is open here."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get("traceparent")

    def stop(self) -> None:
        """Export what is left; gives up after two seconds."""
        last = Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(_LAST_WORDS)

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, facts: Mapping[str, str | int], context: Context | None
    ) -> Iterator[Span]:
        """An open span. Exceptions are recorded by us, without secrets: the library would write them as they are."""
        with self._tracer.start_as_current_span(
            name, context, kind, facts, record_exception=False, set_status_on_exception=False
        ) as span:
            yield span

    def _answered(self, span: Span, request: Request, answer: Answer) -> None:
        span.set_attribute("http.response.status_code", answer.status)
        if answer.route:
            span.update_name(f"{request.method} {answer.route}")
            span.set_attribute("http.route", answer.route)
        if answer.status >= 500:
            kind = type(answer.error).__qualname__ if answer.error else str(answer.status)
            span.set_attribute("error.type", kind)
            span.set_status(Status(StatusCode.ERROR))

    def _ended(self, span: Span, result: Result) -> None:
        span.set_attribute("nightshift.outcome", result.outcome)
        if (error := result.error) is None:
            return
        told = {"exception.type": error.type, "exception.message": error.message}
        told |= {"exception.stacktrace": error.traceback} if error.traceback else {}
        span.add_event("exception", {name: self._scrub.text(text) for name, text in told.items()})
        span.set_attribute("error.type", error.type)
        span.set_status(Status(StatusCode.ERROR, self._scrub.text(f"{error.type}: {error.message}")))


def _resource(settings: Settings, process: str) -> Resource:
    """What every span says of its process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before ours."""
    ours = {
        "service.name": f"nightshift-{process}",
        "service.namespace": "nightshift",
        "service.version": settings.release,
        "deployment.environment.name": settings.environment.value,
    }
    return Resource.create(ours).merge(OTELResourceDetector().detect())


def _message(operation: str, job_id: str, queue: str, task: str) -> dict[str, str | int]:
    return {
        "messaging.system": "nightshift",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": queue,
        "messaging.message.id": job_id,
        "nightshift.task": task,
    }


def _context(traceparent: str | None) -> Context | None:
    return _propagator.extract({"traceparent": traceparent}) if traceparent else None
