"""What a task knows of the job it is run for, and what it may say while it runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from . import at_work, connection, files, keys, scrubbing, tracing
from .errors import NotInJob
from .files import File
from .records import Job
from .scripts import Value, script
from .settings import Settings, current_settings
from .streams import Writer

PROGRESS_INTERVAL = 0.25
LOG_LINES = 1000


class Notes(Protocol):
    """Where a running job's notes go."""

    def write(self, name: str, value: str) -> None:
        """Save one field of the record."""

    def log(self, line: str) -> None:
        """Append one line to the job's log."""

    def artifact(self, name: str) -> str | None:
        """The file id under which an artifact was begun."""

    def add_artifact(self, name: str, file_id: str) -> None:
        """Name a file as an artifact of the job."""


@dataclass(frozen=True, slots=True)
class RedisNotes:
    """Notes in the job's record, fenced by its execution; log and artifacts beside it.

    Each is one script, because a pipeline would take a second connection, which small plans do not have.
    """

    job_id: str
    execution: str
    client: connection.Client
    settings: Settings
    batch: str = ""

    def write(self, name: str, value: str) -> None:
        """Save one field of the record; nothing happens when another execution owns the job by now."""
        with connection.translate_errors():
            script("note")([keys.job(self.job_id)], [self.execution, self.job_id, self.batch, name, value], self.client)

    def log(self, line: str) -> None:
        """Append one line; the newest 1,000 are kept."""
        with connection.translate_errors():
            script("log")([keys.log(self.job_id)], [line, LOG_LINES, self.settings.failure_ttl], self.client)

    def artifact(self, name: str) -> str | None:
        """The file id under which an artifact was begun."""
        with connection.translate_errors():
            found = self.client.hget(keys.artifacts(self.job_id), name)
        return cast("bytes", found).decode() if found else None

    def add_artifact(self, name: str, file_id: str) -> None:
        """Name a file as an artifact of the job."""
        args: list[Value] = [name, file_id, self.settings.failure_ttl]
        with connection.translate_errors():
            script("add_artifact")([keys.artifacts(self.job_id)], args, self.client)


@dataclass(slots=True)
class JobContext:
    """The running job. `state` is what the last `checkpoint` saved, None in the first run; `tick` and `schedule` are
    set when a schedule enqueued it; `idempotency_key` is the same in every attempt.
    """

    job: Job
    notes: Notes
    state: Any = None
    _progress_due: float = field(default=0.0, repr=False)
    _secrets: frozenset[str] | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """The job's id."""
        return self.job.id

    @property
    def task(self) -> str:
        """The task's name."""
        return self.job.task

    @property
    def queue(self) -> str:
        """The queue it came from."""
        return self.job.queue

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.job.attempt

    @property
    def max_attempts(self) -> int:
        """How many attempts the job has in all."""
        return self.job.max_attempts

    @property
    def schedule(self) -> str | None:
        """The schedule that enqueued it."""
        return self.job.schedule

    @property
    def tick(self) -> str | None:
        """The nominal time it was scheduled for, in ISO 8601."""
        return self.job.tick

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context of the request that enqueued it; send it on to the services that the task calls."""
        return self.job.traceparent

    @property
    def idempotency_key(self) -> str:
        """A key that is the same in every attempt: give it to services that must not act twice."""
        return self.job.idempotency_key or self.job.id

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the task is; call it as often as you like, at most four a second are written."""
        now = time.monotonic()
        if now < self._progress_due and done != total:
            return
        self._progress_due = now + PROGRESS_INTERVAL
        said = {"done": done, "total": total, "note": self._plain(note)[:200], "at": round(time.time(), 3)}
        self.notes.write("progress", json.dumps(said))

    def log(self, message: str, **fields: Any) -> None:
        """Add a line to the job's own log, which the dashboard and the API show; the newest 1,000 are kept."""
        said = self._plain({"message": str(message), **fields})
        line = {"at": round(time.time(), 3), "attempt": self.attempt, **said, "message": said["message"][:2000]}
        self.notes.log(json.dumps(line, default=str))

    def about(self) -> dict[str, Any]:
        """What every line of the log carries while the job runs."""
        trace = tracing.trace_id(self.job.traceparent)
        said = {"job_id": self.job.id, "task": self.job.task, "attempt": self.job.attempt}
        return {**said, "trace_id": trace} if trace else said

    def secrets(self) -> frozenset[str]:
        """The texts that nobody may see: of the settings, and among the arguments."""
        if self._secrets is None:
            own = scrubbing.of_job(self.job.task, self.job.args)
            self._secrets = own | scrubbing.of_settings(current_settings())
        return self._secrets

    def _plain(self, said: Any) -> Any:
        """Without the secrets that a note or a line may quote."""
        return scrubbing.scrubbed(said, self.secrets())

    def checkpoint(self, state: Any) -> None:
        """Save a JSON value that the next run of this job finds in `state`, after a deploy, a crash or a retry."""
        self.state = state
        self.notes.write("checkpoint", json.dumps(state))

    def artifact(
        self, name: str, data: bytes | BinaryIO | Path, content_type: str = "application/octet-stream"
    ) -> File:
        """Store bytes, a stream or a local file as a named result of this job; raises FileTooLarge."""
        if isinstance(data, Path):
            with data.open("rb") as stream:
                return self.artifact(name, stream, content_type)
        stored = files.store(name, data, content_type, ttl=_artifact_ttl())
        self.notes.add_artifact(name, stored.id)
        return stored

    def open_artifact(self, name: str, content_type: str = "application/octet-stream", offset: int = 0) -> Writer:
        """Write an artifact piece by piece; bytes from `offset` on are replaced.

        With a checkpoint that holds `tell()` after `flush()`, a job that is run again goes on where it stopped.
        Raises FileMissing when an offset is given and what was written before has expired.
        """
        file_id = files.get(self.notes.artifact(name) or name).id if offset else None
        writer = Writer(name, content_type, file_id=file_id, offset=offset, ttl=_artifact_ttl())
        self.notes.add_artifact(name, writer.id)
        return writer


def current_job() -> JobContext:
    """The job that is being run; raises NotInJob outside of one."""
    job = at_work.running()
    if not isinstance(job, JobContext):
        raise NotInJob
    return job


def inherited_traceparent() -> str | None:
    """The trace context of the running job, which the jobs that it makes carry on; None outside of one."""
    job = at_work.running()
    return job.traceparent if isinstance(job, JobContext) else None


@contextmanager
def bound(context: JobContext) -> Iterator[None]:
    """Make this the current job for a while."""
    token = at_work.begin(context)
    try:
        yield
    finally:
        at_work.end(token)


def _artifact_ttl() -> int:
    return current_settings().result_ttl
