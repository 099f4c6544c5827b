"""A task for the test of traces: it fails once, and makes another job."""

from __future__ import annotations

import time
from pathlib import Path

from jobs import Retry, Secret, current_job, enqueue, task


@task(name="traced.small")
def small() -> None:
    """Do nothing."""


@task(name="traced.flaky", retry=Retry(max=1, base=0.01, cap=0.02))
def flaky(folder: str, key: Secret) -> None:
    """Fail the first time, when told to."""
    if current_job().attempt == 1:
        Path(folder, "started").touch()
        while not Path(folder, "go").exists():
            time.sleep(0.01)
        raise ValueError(f"the key {key} does not fit")
    enqueue(small)
