"""How many requests there were and how long they took, summed over the processes of this web (its gunicorn)."""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second line for each, which nothing here asks for

_own = CollectorRegistry()
_seconds = Histogram(
    "nightshift_http_request_duration_seconds",
    "How long requests took; those with `Prefer: wait` and event streams until they began to answer.",
    ["method", "route", "status"],
    buckets=_BOUNDS,
    registry=_own,
)


def install(app: Flask) -> None:
    """Measure every request of this app."""
    app.after_request(_end)


def share(folder: str) -> None:
    """Count in files of this folder from now on: what is measured is then the sum of all processes forked from here.

    The library looks for the variable only when it is imported, and gunicorn imports us for the sake of serving.py.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


def text() -> bytes:
    """What was measured: by all processes where gunicorn.conf.py has made them share a folder, else by this one."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # its way to say that there is no such folder
        registry = _own
    return generate_latest(registry)


def _end(response: Response) -> Response:
    """Labels have few values: the rule of the route instead of the path, the class of the status."""
    if (began := g.get("began")) is not None:  # set by tracing.py
        method = request.method if request.method in _METHODS else "other"
        route = request.url_rule.rule if request.url_rule else "none"
        status = f"{response.status_code // 100}xx"
        _seconds.labels(method, route, status).observe(time.perf_counter() - began)
    return response
