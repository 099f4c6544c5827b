"""A checkout of its own and bin/dev in it: what the tests of real processes start, await and stop."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".data", ".*_cache", "__pycache__", "node_modules", "results")

NAP = '''
"""A task of these tests, added as a user adds one."""

import time

from jobs import current_job, task


@task(timeout=300)
def nap(seconds: float = 120.0) -> str:
    """Sleep, after saying so."""
    current_job().progress(1, 2)
    time.sleep(seconds)
    return "rested"
'''


def make_checkout(folder: Path) -> Path:
    """Copy the sources, add a task, and lend the copy our .venv, whose stamp says that it holds the same pins."""
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    (folder / "tasks" / "naps.py").write_text(NAP)
    with (folder / "tasks" / "__init__.py").open("a") as contents:
        contents.write("\nfrom . import naps as naps\n")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Dev:
    """bin/dev in a checkout; `lines` holds what it has printed so far."""

    def __init__(self, checkout: Path, *arguments: str, prefix: tuple[str, ...] = (), **variables: str) -> None:
        self.checkout, self.lines = checkout, list[str]()
        self.process = subprocess.Popen(
            [*prefix, str(checkout / "bin" / "dev"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_clean_environment() | variables,
        )
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                with self._said:
                    self.lines.append(line)
                    self._said.notify_all()
        with self._said:
            self._said.notify_all()

    def wait_until_ready(self) -> Dev:
        """Return when it has said that all is ready."""
        self._await(lambda: any("Ctrl-C stops everything" in line for line in self.lines))
        return self

    def _await(self, told: Callable[[], bool]) -> None:
        with self._said:
            assert self._said.wait_for(lambda: told() or self.process.poll() is not None, timeout=60), self.output
        assert told(), self.output

    @property
    def output(self) -> str:
        """Everything it has printed."""
        return "".join(self.lines)

    @property
    def facts(self) -> dict[str, str]:
        """What .data/dev.json says."""
        facts: dict[str, str] = json.loads((self.checkout / ".data" / "dev.json").read_text())
        return facts

    def refusal(self) -> str:
        """What it has printed when it refused to start."""
        assert self.process.wait(60) == 1
        self._reader.join(30)
        return self.output

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; all that was started has ended then."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.wait_until_all_ended()
        return code

    def wait_until_all_ended(self) -> None:
        """The keeper, which ends last, holds the lock, and every process holds the output: wait for both."""
        with (self.checkout / ".data" / "dev.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        self._reader.join(30)

    def get(self, path: str) -> Any:
        """Ask the API, with the token."""
        return self._call(urllib.request.Request(self.facts["url"] + path))

    def post(self, path: str, body: object) -> Any:
        """Tell the API something, with the token."""
        headers = {"Content-Type": "application/json"}
        return self._call(urllib.request.Request(self.facts["url"] + path, json.dumps(body).encode(), headers))

    def _call(self, request: urllib.request.Request) -> Any:
        request.add_header("Authorization", f"Bearer {self.facts['api_token']}")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)


def _clean_environment() -> dict[str, str]:
    """Without what would change how bin/dev runs."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}


def processes_of(checkout: Path) -> dict[int, str]:
    """The living processes that were started in a checkout, with their command lines."""
    mark = os.fsencode(checkout)
    pids = [pid for pid in Path("/proc").iterdir() if pid.name.isdecimal()]
    return {int(pid.name): line for pid in pids if (line := _belongs(pid, mark))}


def _belongs(pid: Path, mark: bytes) -> str:
    try:
        command = (pid / "cmdline").read_bytes()
        found = mark in command or mark in (pid / "environ").read_bytes()
    except OSError:
        return ""
    return command.replace(b"\0", b" ").decode() if found else ""
