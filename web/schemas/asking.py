"""Jobs as they are asked for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from jobs.priorities import Priority
from jobs.uniqueness import LONGEST

from .base import TEN_YEARS, WHOLE, Input, InputTime, QueueName, Tag, example

_PHOTO = "file_0123456789abcdef0123456789abcdef"


class UniqueInput(Input):
    """While a job like it exists, that job is the answer. Alike are jobs of the same task and arguments, or key."""

    until: Literal["started", "done", "window"] = Field(
        "done", description="Until the job has started, has ended in whatever way, or for `window` seconds."
    )
    key: str | None = Field(None, min_length=1, max_length=200, description="Instead of the arguments.")
    window: Annotated[int, Field(ge=1, le=LONGEST), WHOLE] = Field(LONGEST, description="Seconds.")


class NewJob(Input):
    """A job to be enqueued."""

    model_config = example(task="images.thumbnail", args={"photo": _PHOTO, "width": 320}, tags=["avatars"])

    task: str = Field(min_length=1, max_length=200, examples=["images.thumbnail"])
    # Any, as they were JSON: pydantic's JsonValue would call a function of Python for every value in them.
    args: dict[str, Any] = Field(
        default_factory=dict,
        description="By name; GET /api/v1/tasks/{name} has their schema.",
        examples=[{"photo": "file_0123456789abcdef0123456789abcdef", "width": 320}],
    )
    queue: QueueName | None = Field(None, description="Instead of the task's own.")
    delay: float | None = Field(None, ge=0, le=TEN_YEARS, description="Seconds to wait; not together with run_at.")
    run_at: InputTime | None = Field(None, description="When to run; not together with delay.")
    timeout: Annotated[int, Field(ge=1, le=86400), WHOLE] | None = Field(
        None, description="Seconds an attempt may take."
    )
    retries: Annotated[int, Field(ge=0, le=100), WHOLE] | None = Field(
        None, description="How often a failing job is tried again."
    )
    priority: Priority | None = Field(
        None, description="Instead of the task's own: high goes before normal, low after it, and none waits for ever."
    )
    tags: list[Tag] = Field(default_factory=list, max_length=16)
    unique: UniqueInput | None = None


class NewBatch(Input):
    """Jobs to be enqueued together: all or none."""

    model_config = example(
        jobs=[{"task": "images.thumbnail", "args": {"photo": _PHOTO, "width": width}} for width in (64, 320)]
    )

    jobs: list[NewJob] = Field(min_length=1, max_length=1000)


class BulkFilter(Input):
    """Which jobs."""

    status: Literal["queued", "scheduled", "started", "finished", "failed", "canceled", "stopped"]
    task: str | None = Field(None, max_length=200)
    queue: str | None = Field(None, max_length=64)
    tag: str | None = Field(None, max_length=64)
    group: str | None = Field(None, max_length=64, description="The fingerprint of a group of failures.")


class NewBulk(Input):
    """One act on many jobs."""

    model_config = example(action="retry", filter={"status": "failed", "task": "mail.send"}, dry_run=True)

    action: Literal["retry", "cancel", "delete"]
    filter: BulkFilter
    dry_run: bool = Field(True, description="Only count.")


class NewRetry(Input):
    """How to try again."""

    model_config = example()

    args: dict[str, JsonValue] | None = Field(None, description="Other arguments, for a new job.")
