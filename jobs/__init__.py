"""The shared core of Nightshift: tasks, jobs and schedules.

It knows no task, no process and no web framework.
"""

from . import bulk as _bulk  # noqa: F401 - registers our own task
from . import webhooks as _webhooks  # noqa: F401
from .alerts import telling as _telling  # noqa: F401
from .context import current_job
from .dispatch import enqueue, enqueue_at, enqueue_in, with_options
from .files import File
from .redaction import Secret
from .registry import task
from .retries import Discard, Retry, RetryLater, Snooze
from .running import perform
from .schedules import cron, every, once
from .uniqueness import Unique

__all__ = [
    "Discard",
    "File",
    "Retry",
    "RetryLater",
    "Secret",
    "Snooze",
    "Unique",
    "cron",
    "current_job",
    "enqueue",
    "enqueue_at",
    "enqueue_in",
    "every",
    "once",
    "perform",
    "task",
    "with_options",
]
