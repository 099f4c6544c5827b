"""Every error Nightshift raises, under one base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class NightshiftError(Exception):
    """Base of every error a caller may want to catch."""


class TaskDefinitionError(NightshiftError):
    """A function cannot become a task; the message says what to change."""


class ScheduleDefinitionError(NightshiftError):
    """A schedule is not valid; the message names it and the reason."""


class ScheduleMissing(NightshiftError):
    """No schedule has this id."""

    def __init__(self, schedule_id: str) -> None:
        super().__init__(f"no schedule has the id {schedule_id!r}")
        self.schedule_id = schedule_id


class ScheduleConflict(NightshiftError):
    """The schedule's state does not allow this, or somebody else has changed it meanwhile."""


class UnknownTask(NightshiftError):
    """No task is registered under this name."""

    def __init__(self, name: str, known: Sequence[str] = ()) -> None:
        hint = f"; registered are {', '.join(known)}" if known else ""
        super().__init__(f"no task is named {name!r}{hint}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one input: a JSON pointer, what was given and what is accepted."""

    pointer: str
    message: str
    value: Any = None


class InvalidArguments(NightshiftError):
    """The arguments of a job do not fit its task."""

    def __init__(self, task: str, problems: Sequence[Problem]) -> None:
        listed = "; ".join(f"{p.pointer or '/'}: {p.message}" for p in problems)
        super().__init__(f"arguments of {task} are not valid: {listed}")
        self.task = task
        self.problems = tuple(problems)


class TooLarge(NightshiftError):
    """A payload is above its limit; `setting` names the variable that raises it."""

    def __init__(self, what: str, size: int, limit: int, setting: str) -> None:
        super().__init__(f"{what}: {size:,} bytes; the limit is {limit:,} ({setting})")
        self.size, self.limit, self.setting = size, limit, setting


class ArgumentsTooLarge(TooLarge):
    """The arguments of a job are above MAX_ARGS_BYTES."""


class ResultTooLarge(TooLarge):
    """The result of a task is above MAX_RESULT_BYTES."""


class FileTooLarge(TooLarge):
    """A file is above FILE_MAX_BYTES."""


class ResultNotJson(NightshiftError):
    """A task returned something that JSON cannot hold."""


class RedisUnavailable(NightshiftError):
    """Redis did not answer in time; `retry_after` is in seconds."""

    def __init__(self, reason: str, retry_after: int = 5) -> None:
        super().__init__(f"Redis is unavailable: {reason}")
        self.retry_after = retry_after


class ServerUnfit(NightshiftError):
    """The Redis server would lose jobs; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class JobMissing(NightshiftError):
    """No job has this id: it never existed, was deleted or has expired."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no job has the id {job_id!r}")
        self.job_id = job_id


class JobExpired(JobMissing):
    """The job, or a part of it such as its result, was there and is no longer kept."""

    def __init__(self, job_id: str, what: str, setting: str) -> None:
        super().__init__(job_id)
        self.what, self.setting = what, setting

    def __str__(self) -> str:
        return f"{self.what} of job {self.job_id} has expired; {self.setting} says how long it is kept"


class JobConflict(NightshiftError):
    """The job's state does not allow this."""


class QueueMissing(NightshiftError):
    """No queue has this name: the settings do not list it, and no job was ever put in it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no queue is named {name!r}")
        self.name = name


class QueueFull(NightshiftError):
    """As many jobs as MAX_QUEUE_DEPTH allows wait in the queue already; nothing was accepted."""

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"the queue {name!r} is full: {limit:,} jobs wait in it (MAX_QUEUE_DEPTH)")
        self.name, self.limit, self.setting = name, limit, "MAX_QUEUE_DEPTH"


class WorkerMissing(NightshiftError):
    """No worker has this name; it may have ended."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no worker is named {name!r}")
        self.name = name


class TokenMissing(NightshiftError):
    """No token has this id."""

    def __init__(self, token_id: str) -> None:
        super().__init__(f"no token has the id {token_id!r}")
        self.token_id = token_id


class WebhookMissing(NightshiftError):
    """No webhook has this id."""

    def __init__(self, webhook_id: str) -> None:
        super().__init__(f"no webhook has the id {webhook_id!r}")
        self.webhook_id = webhook_id


class DeliveryMissing(NightshiftError):
    """No delivery of this webhook has this id; only the newest are kept."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"no delivery has the id {delivery_id!r}")
        self.delivery_id = delivery_id


class WebhookConflict(NightshiftError):
    """The state of the webhooks does not allow this."""


class WebhookRefused(NightshiftError):
    """The address of a webhook is not one that this service calls."""


class IdempotencyKeyReused(NightshiftError):
    """An idempotency key was used before, for something else."""

    def __init__(self, key: str, job_id: str) -> None:
        super().__init__(f"the idempotency key {key!r} was used for another request")
        self.key, self.job_id = key, job_id


class FileMissing(NightshiftError):
    """No file has this id: it never existed or has expired. `pointer` tells where among arguments it stood."""

    def __init__(self, file_id: str, pointer: str = "") -> None:
        super().__init__(f"no file has the id {file_id!r}; it may have expired")
        self.file_id, self.pointer = file_id, pointer


class NotInJob(NightshiftError):
    """`current_job()` was called outside a task that is being run."""

    def __init__(self) -> None:
        super().__init__("current_job() works only inside a task that is being run as a job")


class SettingsError(NightshiftError):
    """The environment is not usable; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("the settings are not usable:\n" + "\n".join(f"  - {p}" for p in problems))
        self.problems = tuple(problems)
