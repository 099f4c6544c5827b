"""A collector of OpenTelemetry and a Sentry in one: an HTTP server of this process that keeps what it is sent."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span as it was exported."""

    service: str
    name: str
    kind: int
    trace: str
    id: str
    parent: str
    failed: bool
    attributes: dict[str, Any]
    events: list[dict[str, Any]]


@dataclass(slots=True)
class Collected:
    """What came."""

    url: str
    spans: list[SeenSpan] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, Any]:
        """The settings of a process that is to send here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "SENTRY_DSN": self.url.replace("//", "//a-public-key@") + "/1",
            "NO_PROXY": "127.0.0.1",
        }

    def take(self, path: str, body: bytes) -> None:
        """Keep one message."""
        self.raw.append(body)
        if path == "/v1/traces":
            self.spans += _spans(ExportTraceServiceRequest.FromString(body))
        else:
            self.errors += [item for item in map(_json, body.splitlines()) if "exception" in item]


@contextmanager
def collecting() -> Iterator[Collected]:
    """Run it on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    collected = _Handler.collected = Collected(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield collected
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    collected: Collected

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.collected.take(self.path, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _json(line: bytes) -> dict[str, Any]:
    found = json.loads(line) if line.startswith(b"{") else {}
    return dict(found)


def _spans(message: ExportTraceServiceRequest) -> Iterator[SeenSpan]:
    for group in message.resource_spans:
        service = _values(group.resource.attributes)["service.name"]
        for span in (span for scope in group.scope_spans for span in scope.spans):
            ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
            events = [_values(event.attributes) for event in span.events]
            failed = span.status.code == 2
            yield SeenSpan(service, span.name, span.kind, *ids, failed, _values(span.attributes), events)


def _values(attributes: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}
