"""How many requests there were and how long they took, summed over the processes of this web (its gunicorn)."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from .calls import call

_FOLDER = "nightshift-counts-"
_YOUNG = 60  # seconds in which a folder may have no lock yet
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


def share(parent: Path) -> None:
    """Count in files of a new folder in `parent`: what is measured is then the sum of all processes forked from here.

    Folders of those who were killed before they could remove theirs are removed. The library looks for the variable
    only when it is imported, and gunicorn imports us for the sake of serving.py.
    """
    for left in parent.glob(f"{_FOLDER}*"):
        if time.time() - left.stat().st_mtime > _YOUNG and _locked(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=parent))
    _locked(folder)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


def _locked(folder: Path) -> bool:
    """Take the lock of a folder; the kernel gives it back when this process and all its children are gone."""
    try:
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def text() -> bytes:
    """What was measured: by all processes where gunicorn.conf.py has made them share a folder, else by this one."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # its way to say that there is no such folder
        registry = _own
    return generate_latest(registry)


@cache
def _of(method: str, route: str, status: int) -> Histogram:
    """The library would spell and look up the labels at each request, behind a lock."""
    return _seconds.labels(method, route, f"{status}xx")


def _end(response: Response) -> Response:
    """Labels have few values: the rule of the route instead of the path, the class of the status."""
    asked = call()
    if asked.began is not None:
        method = asked.method if asked.method in _METHODS else "other"
        route = asked.url_rule.rule if asked.url_rule else "none"
        try:
            _of(method, route, response.status_code // 100).observe(time.perf_counter() - asked.began)
        except OSError:
            pass  # somebody has removed the folder: a count is not worth an answer
    return response
