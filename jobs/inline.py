"""Inline mode: enqueue runs the task at once, in this process and without Redis, as tests want it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from . import files, registry, running, storage
from .context import JobContext
from .records import Job


@dataclass(slots=True)
class _Notes:
    fields: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    artifacts: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, value: str) -> None:
        self.fields[name] = value

    def log(self, line: str) -> None:
        self.lines.append(line)

    def artifact(self, name: str) -> str | None:
        return self.artifacts.get(name)

    def add_artifact(self, name: str, file_id: str) -> None:
        self.artifacts[name] = file_id


@dataclass(slots=True)
class Inline:
    """What ran in inline mode, in order."""

    jobs: list[Job] = field(default_factory=list)
    _notes: dict[str, _Notes] = field(default_factory=dict)

    def log(self, job_id: str) -> list[str]:
        """The messages that a job logged."""
        return [json.loads(line)["message"] for line in self._notes[job_id].lines]

    def artifacts(self, job_id: str) -> dict[str, files.File]:
        """The artifacts of a job."""
        return {name: files.get(file_id) for name, file_id in self._notes[job_id].artifacts.items()}

    def run(self, job: Job) -> Job:
        """Run a job and give it back finished; raises what its task raises."""
        notes = self._notes[job.id] = _Notes()
        started = replace(job, status="started", started_at=datetime.now(UTC), attempt=1)
        result = running.run(registry.find(job.task), job.args, JobContext(started, notes))
        done = replace(started, status="finished", ended_at=datetime.now(UTC), result=json.loads(result))
        self.jobs.append(done)
        return done


_active: ContextVar[Inline | None] = ContextVar("inline", default=None)


@contextmanager
def inline_mode() -> Iterator[Inline]:
    """Run every job at once while this is open; delays are not waited for, and exceptions reach the caller.

    Files live in memory, and no Redis is needed.
    """
    mode = Inline()
    token = _active.set(mode)
    storage.use_store(storage.MemoryStore())
    try:
        yield mode
    finally:
        storage.use_store(None)
        _active.reset(token)


def active() -> bool:
    """Whether inline mode is on."""
    return _active.get() is not None


def run(job: Job) -> Job:
    """Run a job in the inline mode that is open."""
    mode = _active.get()
    if mode is None:
        raise RuntimeError("inline mode is not on")
    return mode.run(job)


def inline_artifacts(job_id: str) -> dict[str, files.File]:
    """The artifacts of a job that ran in the inline mode that is open."""
    mode = _active.get()
    return mode.artifacts(job_id) if mode else {}
