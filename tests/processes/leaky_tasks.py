"""A task that puts its secrets, and those of its process, wherever a careless one would."""

from __future__ import annotations

import logging
from typing import Any

from jobs import Secret, current_job, task
from jobs.retries import Retry
from jobs.settings import current_settings


@task(name="leaky.spill", retry=Retry(max=0))
def spill(key: Secret, options: dict[str, Any], fail: bool = True) -> dict[str, Any]:
    """Log, note, return and raise."""
    known = current_settings()
    addresses = [known.redis_url, known.smtp_url]
    said = f"{key} {options} {[address.get_secret_value() for address in addresses if address]}"
    logging.getLogger("leaky").warning("calling with %s", said)
    job = current_job()
    job.log(f"calling with {said}", password=key, header={"Authorization": f"Bearer {key}"}, said=[said])
    job.progress(1, 2, said)
    if fail:
        raise ValueError(f"refused: {said}")
    return {"api_key": key, "nested": [{"token": key}]}
