"""bin/dev: the Procfile's processes on one machine, under honcho, with a server of their own."""

import fcntl
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from honcho import environ, manager

from cli import processes, server
from cli.localenv import environment, server_address
from cli.options import dev_options
from jobs.errors import SettingsError
from jobs.settings import read_settings

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".data"
RUN = DATA / "run"


class RunError(Exception):
    """The run cannot start; the message is one sentence with a remedy."""


def main(arguments: list[str]) -> int:
    """Run until a signal comes or a process ends; the exit code is honcho's (130 after Ctrl-C, 143 after SIGTERM)."""
    options = dev_options(arguments)
    _end_with_the_parent()
    try:
        with _only_run() as lock:
            return _run(options.port, lock, demo=options.demo)
    except (RunError, SettingsError, server.ServerError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)  # a signal while Python ends would be the exit code


def _run(port: int, lock: int, *, demo: bool) -> int:
    variables = environment(ROOT, DATA, port=port, given=_given()) | {"NIGHTSHIFT_RUN": str(RUN)}
    os.environ.update(variables)
    read_settings()  # what is wrong is told once here, not by each process in its own way
    _require_free(variables["HOST"], port)
    address = server_address(DATA)
    binary = _choose_server(variables, address)
    if demo:
        variables.setdefault("OUTBOUND_ALLOW", "127.0.0.1")  # the demo's jobs call a service on this machine
    with _kept(variables, [str(DATA), str(address), binary, "demo" * demo], lock) as keeper:
        if binary:
            server.wait_until_ready(keeper, address=address, folder=DATA / "redis")
        code = _supervise(variables)
    if keeper.returncode < 0:  # it was killed, and could not do its part
        processes.sweep(RUN, seconds=5)
        server.shut_down(address)
        return 1
    return keeper.returncode or code


def _choose_server(variables: dict[str, str], address: Path) -> str:
    """Complete REDIS_URL; gives the server to start, or nothing when the environment names one that is fit."""
    if not variables.get("REDIS_URL"):
        variables["REDIS_URL"] = server.url_of(address)
        return str(server.find_binary())
    check = [sys.executable, "-m", "cli", "check"]
    if subprocess.run(check, env=variables, cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
        raise RunError("Solve that, or unset REDIS_URL: then an embedded server is started.")
    return ""


def _given() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "NIGHTSHIFT_PARENT"}


@contextmanager
def _only_run() -> Iterator[int]:
    """Hold the lock of this checkout; the keeper holds it too, so it is free when all has ended."""
    DATA.mkdir(mode=0o700, exist_ok=True)
    with (DATA / "dev.lock").open("a+") as file:
        _acquire(file.fileno(), DATA / "dev.lock")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def _acquire(lock: int, file: Path) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = file.read_text()
            # When its runner is gone, the rest of an earlier run is just ending.
            if processes.is_alive(int(pid or 0)) or time.monotonic() > deadline:
                raise RunError(f"Nightshift already runs in this checkout: stop it first (kill {pid}).") from None
            time.sleep(0.1)


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise RunError(f"Port {port} cannot be used ({reason}): try bin/dev --port {port + 1}.") from None


@contextmanager
def _kept(variables: Mapping[str, str], arguments: list[str], lock: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the keeper, and at the end wait until it has ended everything."""
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir()
    (DATA / "dev.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "cli.keeper", *arguments]
    keeper = subprocess.Popen(
        command, env=variables, stdin=subprocess.PIPE, pass_fds=[lock], start_new_session=True, cwd=ROOT
    )
    assert keeper.stdin is not None
    pipe = keeper.stdin.fileno()
    # honcho forks: its processes must not hold the pipe, or it would not end with this process.
    os.register_at_fork(after_in_child=lambda: os.close(pipe))
    try:
        yield keeper
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        keeper.stdin.close()
        keeper.wait()


class _Honcho(manager.Manager):  # type: ignore[misc]  # honcho has no types
    def kill(self) -> None:
        """Kill all that is left and stop waiting for it.

        honcho's own way is to kill process groups until their output ends. A horse has a group of its own and holds the
        worker's output, so that would never be.
        """
        processes.end_sessions(RUN, seconds=0)
        raise _Overdue


class _Overdue(Exception):
    """Something did not end in its time."""


def _supervise(variables: Mapping[str, str]) -> int:
    """Run the Procfile's processes until the first of them ends, as a platform would start them."""
    manager.KILL_WAIT = float(variables["SHUTDOWN_GRACE"]) + 5  # seconds; honcho's 5 are too few for the worker
    honcho = _Honcho()
    for name, command in environ.parse_procfile((ROOT / "Procfile").read_text()).processes.items():
        if name != "release":
            honcho.add_process(name, processes.shell_command(name, command), env=variables, cwd=str(ROOT))
    try:
        honcho.loop()
    except _Overdue:
        print("Some processes did not end in time and were killed.", file=sys.stderr)
    except KeyError:
        pass  # a signal came before honcho knew all pids: the keeper knows them
    code = int(honcho.returncode or 0)
    return code if code >= 0 else 128 - code  # a process that was killed, as a shell tells it


def _end_with_the_parent() -> None:
    """End when whoever started bin/dev is gone: a closed terminal, a killed script or a killed test run."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # honcho puts its own in place of this one
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    parent = int(os.environ.get("NIGHTSHIFT_PARENT", os.getppid()))
    signal.signal(signal.SIGALRM, lambda *_: None if os.getppid() == parent else os.kill(os.getpid(), signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)  # a timer and not a thread: honcho forks


if __name__ == "__main__":
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork")  # no thread runs here, and honcho's processes start at once
    sys.exit(main(sys.argv[1:]))
