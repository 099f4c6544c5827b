"""What a local run has started, by session: the processes that may still be alive, and how to end them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def shell_command(name: str, command: str) -> str:
    """The Procfile's command, which first writes its session and its honcho process to a file in NIGHTSHIFT_RUN.

    honcho gives each process a session of its own; `exec` makes the command itself the leader of it.
    """
    return f'echo "$$ $PPID" > "$NIGHTSHIFT_RUN/{name}"; exec {command}'


def started(folder: Path) -> dict[str, tuple[int, int]]:
    """Name -> (session, its honcho process) of everything that was started into this folder."""
    lines = {file.name: file.read_text().split() for file in folder.glob("*")}
    return {name: (int(pids[0]), int(pids[1])) for name, pids in lines.items() if len(pids) == 2}


def sweep(folder: Path, *, seconds: float) -> None:
    """End everything that was started into this folder: asked first, killed after `seconds`."""
    end_sessions(folder, seconds=seconds)
    # honcho's own processes end with what they read from; they stay when nobody reads what they pass on.
    helpers = {helper for _, helper in started(folder).values()}
    _end(lambda: {pid for pid in helpers if is_alive(pid)}, seconds=1)


def end_sessions(folder: Path, *, seconds: float) -> None:
    """The same without honcho's own processes."""
    sessions = {session for session, _ in started(folder).values()}
    _end(lambda: members(sessions), seconds=seconds)


def _end(alive: Callable[[], set[int]], *, seconds: float) -> None:
    _signal(alive(), signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while alive():
        if time.monotonic() > deadline:
            _signal(alive(), signal.SIGKILL)
        time.sleep(0.05)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # it ended by itself


def is_alive(pid: int) -> bool:
    """Whether this process runs; a zombie does not."""
    return _state(pid) not in {"", "Z"}


def members(sessions: set[int]) -> set[int]:
    """The living processes of these sessions; zombies have ended and only wait to be counted."""
    return {pid for pid, state in _all() if state != "Z" and _session(pid) in sessions}


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return -1


def _all() -> Iterator[tuple[int, str]]:
    if Path("/proc/self/stat").exists():
        return (
            (int(entry.name), _state(int(entry.name))) for entry in Path("/proc").iterdir() if entry.name.isdecimal()
        )
    return _from_ps()


def _state(pid: int) -> str:
    """R, S, Z and so on; nothing when there is no such process."""
    if not Path("/proc/self/stat").exists():
        return dict(_from_ps()).get(pid, "")
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _from_ps() -> Iterator[tuple[int, str]]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    return ((int(pid), state[0]) for pid, state in (line.split()[:2] for line in listed.splitlines()))
