"""Traces where no tool keeps any: what a caller sent is carried on; a tool that is not installed stops nobody."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs import dispatch, task, tracing
from jobs.context import JobContext, bound
from jobs.dispatch import JobRequest
from jobs.inline import _Notes
from jobs.records import Job
from jobs.settings import Settings

TRACE = "0af7651916cd43dd8448eb211c80319c"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONTEXT = f"00-{TRACE}-b7ad6b7169203331-01"


@task(name="tracing_tests.work")
def work() -> None:
    """Do nothing."""


def prepared(settings: Settings, traceparent: str | None = None) -> Job:
    request = JobRequest(task="tracing_tests.work", traceparent=traceparent)
    return dispatch.prepare(request, settings, NOW)


def test_jobs_that_a_task_makes_carry_its_trace_on(settings: Settings) -> None:
    assert prepared(settings).traceparent is None
    with bound(JobContext(prepared(settings, CONTEXT), _Notes())):
        assert prepared(settings).traceparent == CONTEXT
        assert prepared(settings, CONTEXT.replace("b7", "c7")).traceparent == CONTEXT.replace("b7", "c7")


WRONG = ["", "nonsense", CONTEXT + "x" * 100, CONTEXT.replace(TRACE, "0" * 32), "ff" + CONTEXT[2:]]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_context_that_is_none_is_not_taken(wrong: str) -> None:
    assert (tracing.valid(CONTEXT), tracing.trace_id(CONTEXT)) == (CONTEXT, TRACE)
    assert tracing.valid(wrong) is None


def test_a_tool_that_is_not_installed_is_told_once_and_stops_nobody() -> None:
    program = """
import sys
sys.modules["sentry_sdk"] = None
from jobs import tracing
from jobs.settings import Settings
settings = Settings(NIGHTSHIFT_ENV="test", sentry_dsn="https://key@sentry.invalid/1")
tracing.load(settings)
tracing.start(settings, "worker")
print("watched:", tracing.watched())
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stderr.count("an extra is not installed") == 1
    assert done.stdout.endswith("watched: False\n")


def test_traces_are_on_when_the_standard_variables_say_so(settings: Settings) -> None:
    there: dict[str, Any] = {"otel_exporter_otlp_endpoint": "http://collector"}
    cases: list[tuple[dict[str, Any], bool]] = [
        ({}, False),
        (there, True),
        (there | {"otel_sdk_disabled": True}, False),
        (there | {"otel_traces_exporter": "none"}, False),
        ({"otel_traces_exporter": "console"}, True),
    ]
    assert [settings.model_copy(update=values).traces for values, _ in cases] == [on for _, on in cases]
