"""`all-in-one`: web, worker and clock in one small machine or dyno, watched by one parent.

What ends is started again, and the others go on: if all stopped together, a web process that was killed for its memory
would interrupt every running job, and a platform waits longer from crash to crash. Only what cannot live at all stops
everything, so that the platform sees it.
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click

from cli import processes

ROOT = Path(__file__).resolve().parent.parent
# Those of the Procfile, which is not read: there, `web` may be this command.
COMMANDS = {
    "web": ("-m", "gunicorn", "web.wsgi:app"),
    "worker": ("-m", "worker"),
    "clock": ("clock.py",),
}
STOP_WITHIN = 25.0  # seconds; platforms kill 30 s after SIGTERM
_EARLY = 15.0  # seconds: who ends sooner after its start has not worked
_MOST_EARLY = 4  # early ends in a row that are not a passing fault: Redis being away ends nobody
_PR_SET_PDEATHSIG = 1

# One process answers many requests in its threads; a second one would cost a tenth of a small dyno. The buildpack of
# Heroku sets WEB_CONCURRENCY for a dyno that does nothing else, so what is given here does not count.
# Two arenas instead of eight for each core: threads that share them cost less memory.
_SMALL = {"WEB_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2"}


@click.command("all-in-one")
@click.option("--stop-within", default=STOP_WITHIN, show_default=True, help="Seconds from SIGTERM to SIGKILL.")
def all_in_one(stop_within: float) -> None:
    """Run web, worker and clock together: for one small machine or dyno."""
    _require_settings()
    # The parent stays as small as it can: in this process the whole operator's command line is loaded.
    arguments = [sys.executable, "-m", "cli.allinone", str(stop_within)]
    os.execv(sys.executable, arguments)  # noqa: S606 - a shell would only get in the way of signals # nosec B606


def _require_settings() -> None:
    """Say once what each of the three would say again and again."""
    from jobs.errors import SettingsError
    from jobs.settings import current_settings

    try:
        current_settings(serves=True)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


@dataclass
class Child:
    """One of the three, started again and again; `pid` is 0 while it does not run."""

    name: str
    command: list[str]
    pid: int = 0
    started: float = 0.0
    again_at: float = 0.0
    early: int = 0
    sessions: set[int] = field(default_factory=set)

    def start(self, environment: Mapping[str, str], now: float) -> None:
        """Start it in a session of its own, so that a terminal's Ctrl-C reaches it once, through us."""
        process = subprocess.Popen(
            self.command, cwd=ROOT, env=environment, start_new_session=True, preexec_fn=_end_with_the_parent
        )
        process.returncode = 0  # we wait for all children ourselves, orphans included
        self.pid, self.started = process.pid, now
        self.sessions.add(process.pid)

    def ended(self, now: float) -> None:
        """Note its end; the pauses before it starts again are 0.5, 1 and 2 s while it ends early."""
        self.early = self.early + 1 if now - self.started < _EARLY else 0
        self.pid, self.again_at = 0, now + 2.0 ** max(self.early - 2, -1)

    @property
    def hopeless(self) -> bool:
        """Whether it never gets to work."""
        return self.early >= _MOST_EARLY


class Parent:
    """Watches the children until a signal comes (exit code 0) or one of them is hopeless (1)."""

    def __init__(self, children: list[Child], stop_within: float) -> None:
        self._children, self._stop_within = children, stop_within
        self._environment = os.environ | _SMALL
        self._asked_to_stop = self._stopping = False
        self._alarm, self._alarm_writer = socket.socketpair()

    def run(self) -> int:
        """Keep them running, then stop them."""
        self._listen()
        while not self._asked_to_stop and not any(child.hopeless for child in self._children):
            self._start_due(time.monotonic())
            self._sleep(0.5)
            self._bury()
        self._stop()
        return 0 if self._asked_to_stop else 1

    def _listen(self) -> None:
        """A handler only notes that it was called; the socket ends the sleep at once."""
        self._alarm.setblocking(False)
        self._alarm_writer.setblocking(False)
        signal.set_wakeup_fd(self._alarm_writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_stop(self, *_: object) -> None:
        self._asked_to_stop = True

    def _sleep(self, seconds: float) -> None:
        if select.select([self._alarm], [], [], seconds)[0]:
            self._alarm.recv(4096)

    def _start_due(self, now: float) -> None:
        for child in self._children:
            if not child.pid and now >= child.again_at:
                child.start(self._environment, now)
                _say("Started", name=child.name, pid=child.pid)

    def _bury(self) -> None:
        """Wait for every process that has ended; as the first process of a container, for orphans too."""
        for pid, code in _ended():
            for child in self._children:
                if child.pid == pid:
                    child.ended(time.monotonic())
                    if not (self._asked_to_stop or self._stopping):
                        _say("Ended", level="error", name=child.name, pid=pid, code=code)

    def _stop(self) -> None:
        """Ask all of them at once, as a platform does; kill what is left of their sessions in the end."""
        self._stopping = True
        sessions = set().union(*(child.sessions for child in self._children))
        deadline = time.monotonic() + self._stop_within
        for child in self._children:
            _send(child.pid, signal.SIGTERM)
        while processes.members(sessions):
            if time.monotonic() > deadline:
                _say("Killing what did not stop in time", level="error", seconds=self._stop_within)
                for pid in processes.members(sessions):
                    _send(pid, signal.SIGKILL)
            self._sleep(0.1)
            self._bury()


def _end_with_the_parent() -> None:
    """Where nothing watches the whole group of processes, they would outlive a parent that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _ended() -> Iterator[tuple[int, int]]:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found[0], os.waitstatus_to_exitcode(found[1])


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if pid:
            os.kill(pid, number)


def _say(event: str, *, level: str = "info", **fields: object) -> None:
    """One event in the form of all others; their library alone would double the size of this process."""
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    line = {"event": event, "level": level, "at": at, "process": "all-in-one", **fields}
    print(" ".join(map(str, (event, *fields.values()))) if sys.stdout.isatty() else json.dumps(line), flush=True)


def children() -> list[Child]:
    """The three, each run by the Python that runs this."""
    return [Child(name, [sys.executable, *arguments]) for name, arguments in COMMANDS.items()]


if __name__ == "__main__":
    sys.exit(Parent(children(), float(sys.argv[1])).run())
