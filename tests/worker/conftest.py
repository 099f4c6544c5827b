"""Workers for tests: a horse inside the test's own process, and real processes that are always stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from cli import server
from jobs import connection
from jobs.settings import Settings, use_settings
from tests.worker import sample_tasks
from tests.worker.waiting import eventually
from worker.horse import Duty, Horse
from worker.slots import Board

ROOT = Path(__file__).parents[2]
HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


@dataclass(slots=True)
class WorkerProcess:
    """`python -m worker` as a process."""

    process: subprocess.Popen[bytes]
    output: Path

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in self.output.read_text().splitlines() if line.startswith("{")]

    def said(self, event: str) -> dict[str, Any] | None:
        """The first line with this event."""
        return next((line for line in self.lines() if line["event"] == event), None)

    def wait_until_ready(self) -> WorkerProcess:
        """Return when it takes jobs."""
        eventually(lambda: self.said("Ready"), 15, lambda: self.output.read_text())
        return self

    @property
    def name(self) -> str:
        """Its name in RQ's registry."""
        line = self.said("Ready")
        assert line is not None
        return str(line["worker"])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end and wait for that; gives its exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


StartWorker = Callable[..., WorkerProcess]


def start(
    settings: Settings, output: Path, *arguments: str, module: str = "worker", **environment: str
) -> WorkerProcess:
    """Start a worker without waiting for it."""
    known = {
        "NIGHTSHIFT_ENV": "test",
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "LOG_FORMAT": "json",
        "SHUTDOWN_GRACE": "20",
    }
    command = [sys.executable, "-m", module, "--tasks", sample_tasks.__name__, *arguments]
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | known | environment, stdout=stream, stderr=subprocess.STDOUT
        )
    return WorkerProcess(process, output)


@dataclass(slots=True)
class Stable:
    """Starts workers and makes sure that none is left."""

    settings: Settings
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)

    def __call__(
        self, *arguments: str, module: str = "worker", ready: bool = True, **environment: str
    ) -> WorkerProcess:
        """Start a worker; `environment` adds settings."""
        output = self.folder / f"worker-{len(self.workers)}.log"
        worker = start(self.settings, output, *arguments, module=module, **environment)
        self.workers.append(worker)
        return worker.wait_until_ready() if ready else worker

    def close(self) -> None:
        """Kill what is left."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.process.kill()
                worker.process.wait()


@pytest.fixture
def start_worker(settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[Stable]:
    """Call it to start `python -m worker` with arguments; all are gone at the end of the test."""
    stable = Stable(settings, tmp_path)
    yield stable
    stable.close()


@dataclass(slots=True)
class OwnServer:
    """A server that a test may hurt."""

    folder: Path
    settings: Settings
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> Path:
        """Its socket."""
        return self.folder / "redis.sock"

    def start_again(self) -> None:
        """After it was stopped: with the data it had."""
        self.process = server.start(server.find_binary(), address=self.address, folder=self.folder, durable=True)
        server.wait_until_ready(self.process, address=self.address, folder=self.folder)

    def kill(self) -> None:
        """As a crash of its machine would."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[OwnServer]:
    """A durable server for one test, in place as the process' own."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as name:
        folder, address = Path(name), Path(name, "redis.sock")
        values: dict[str, Any] = {"NIGHTSHIFT_ENV": "test", "redis_url": server.url_of(address), "data_dir": tmp_path}
        settings = Settings(**values)
        process = server.start(server.find_binary(), address=address, folder=folder, durable=True)
        server.wait_until_ready(process, address=address, folder=folder)
        own = OwnServer(folder, settings, process)
        use_settings(settings)
        connection.use_client(None)
        yield own
        connection.client().close()
        connection.use_client(None)
        use_settings(None)
        own.process.send_signal(signal.SIGCONT)
        own.kill()


@pytest.fixture
def restored_signals() -> Iterator[None]:
    """A horse inside the test's process takes the signals, and Python's hook; give them back."""
    before, hook = {number: signal.getsignal(number) for number in HANDLED}, sys.unraisablehook
    yield
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def run_all(settings: Settings, redis: Redis, restored_signals: None) -> Callable[[], None]:
    """Call it to run what is queued, by a horse in this process."""

    def run() -> None:
        board = Board(1)
        duty = Duty("tester", ("high", "default", "low"), burst=True)
        Horse(duty, board, board.slots[0], redis, settings).run()

    return run
