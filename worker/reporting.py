"""One line of the log for each attempt."""

from __future__ import annotations

import logging
from typing import Any

from jobs import logs, tracing
from jobs.running import AttemptError, Finished
from jobs.verbs import Claim, Ending

log = logs.get_logger(__name__)


def report(claim: Claim, ending: Ending, seconds: float) -> None:
    """Say how an attempt ended: as information when it finished, else as a warning."""
    level = logging.INFO if isinstance(ending, Finished) else logging.WARNING
    if not logging.getLogger(__name__).isEnabledFor(level):
        return  # building and dropping the line would cost more than running an empty job
    event = f"Job {type(ending).__name__.lower()}"
    known: dict[str, Any] = {
        "job_id": claim.job_id,
        "task": claim.text(b"task"),
        "attempt": claim.attempt,
        "seconds": round(seconds, 3),
    }
    if trace := tracing.trace_id(claim.text(b"traceparent")):
        known["trace_id"] = trace
    log.log(level, event, **known, **_details(ending))


def _details(ending: Ending) -> dict[str, Any]:
    found = {name: getattr(ending, name) for name in ("error", "delay", "reason") if hasattr(ending, name)}
    if isinstance(error := found.get("error"), AttemptError):
        found["error"] = f"{error.type}: {error.message}"
    return found
