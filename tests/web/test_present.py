"""Jobs as JSON."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from jobs.records import Job, JobError, Progress
from web.present import job_view, new_job

AT = datetime(2026, 11, 21, 17, 0, 0, 120000, UTC)
PLAIN = Job("a1", "web_tests.add", {"a": 1}, "default", "queued", AT, enqueued_at=AT)


@pytest.mark.parametrize(
    "job",
    [
        PLAIN,
        replace(PLAIN, args={"a": [None, True, -1.5, 2**70, {"ü": '"\\\n\u2028'}], "b": float("inf")}),
        replace(PLAIN, args={"password": "swordfish", "token": 3}),
        replace(PLAIN, status="scheduled", enqueued_at=None, run_at=AT + timedelta(days=4000, microseconds=1)),
        replace(PLAIN, run_at=AT.astimezone(timezone(timedelta(hours=1)))),
        replace(PLAIN, tags=("vip", "ä"), schedule="nightly", tick="2026-11-21T17:00:00Z", priority="high"),
        replace(PLAIN, attempt=1, max_attempts=4, worker="w1", progress=Progress(1.0, None, "half", AT)),
        replace(PLAIN, status="failed", error=JobError("ValueError", "no")),
    ],
)
def test_a_new_job_is_written_as_its_model_would_be(job: Job) -> None:
    assert new_job(job).decode() == job_view(job, (), {}).model_dump_json()
