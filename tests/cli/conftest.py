"""The command line as an operator uses it, and workers for what it enqueues."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from cli.__main__ import main
from jobs import audit, monitor
from jobs.settings import Settings
from tests.cli import loaded  # noqa: F401 - what is enqueued here
from tests.worker.waiting import eventually

ROOT = Path(__file__).parents[2]


def run(*words: str, code: int = 0, given: str | None = None) -> Result:
    """Run `bin/jobs` with these words; fails unless it ends with this code."""
    result = CliRunner().invoke(main, words, input=given)
    assert result.exit_code == code, f"{result.exit_code}: {result.output} {result.exception!r}"
    return result


def said(*words: str, code: int = 0, given: str | None = None) -> str:
    """What it prints on stdout."""
    return run(*words, code=code, given=given).stdout


def asked(*words: str, code: int = 0, given: str | None = None) -> Any:
    """What it prints with --json."""
    return json.loads(said(*words, "--json", code=code, given=given))


def acts() -> list[tuple[str, str, str]]:
    """Actor, action and subject of the audit log, the newest first."""
    return [(entry.actor, entry.action, entry.subject) for entry in audit.entries()]


@dataclass(slots=True)
class Workers:
    """Real workers, all gone at the end of the test."""

    settings: Settings
    log: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one; it takes jobs when this returns."""
        before = len(monitor.workers())
        process = self._start("--horses", "1", *arguments)
        eventually(lambda: len(monitor.workers()) > before, 20, self.log.read_text)
        return process

    def run_all(self) -> None:
        """Run what is queued, and nothing else."""
        assert self._start("--horses", "1", "--burst").wait(30) == 0, self.log.read_text()

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        address = self.settings.redis_url.get_secret_value()
        known = {"NIGHTSHIFT_ENV": "test", "REDIS_URL": address, "SHUTDOWN_GRACE": "0"}
        command = [sys.executable, "-m", "worker", "--tasks", "tests.cli.loaded", *arguments]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=os.environ | known, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def close(self) -> None:
        """Stop what is left."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)


@pytest.fixture
def workers(settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[Workers]:
    """Call `start` or `run_all`."""
    made = Workers(settings, tmp_path / "worker.log")
    yield made
    made.close()
