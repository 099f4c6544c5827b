"""The project's .venv: made from pinned requirements, left alone while they are unchanged. Standard library only."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


class SetupError(Exception):
    """The set-up cannot go on; the message is one sentence with a remedy."""


def prepare(root: Path, *requirements: str) -> Path:
    """Return the Python of `.venv`, with these files installed; the last one includes the others.

    Nothing is done when the stamp in `.venv` holds their present contents. Raises SetupError.
    """
    venv = root / ".venv"
    with _alone(root / ".data"):
        if not _is_current(venv, _stamp(root, requirements)):
            _set_up(root, venv, requirements)
    return venv / "bin" / "python"


def _stamp(root: Path, requirements: tuple[str, ...]) -> dict[str, str]:
    hashes = {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in requirements}
    return hashes | {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}


def _is_current(venv: Path, wanted: dict[str, str]) -> bool:
    try:
        found = json.loads((venv / "nightshift.json").read_text())
    except (OSError, ValueError):
        return False
    # The launcher prefers the Python of .venv: running on another one means that it does not work any more.
    return _runs_in(venv) and wanted.items() <= found.items()


def _write_stamp(venv: Path, stamp: dict[str, str]) -> None:
    (venv / "nightshift.json").write_text(json.dumps(stamp, indent=2) + "\n")


def _runs_in(venv: Path) -> bool:
    return Path(sys.prefix).absolute() == venv.absolute()


def _set_up(root: Path, venv: Path, requirements: tuple[str, ...]) -> None:
    started = time.monotonic()
    print(f"Setting up .venv with Python {sys.version.split()[0]} from {requirements[-1]} ...", flush=True)
    (venv / "nightshift.json").unlink(missing_ok=True)
    if not _runs_in(venv):
        _create(venv)
    _install(root, venv, requirements[-1])
    _write_stamp(venv, _stamp(root, requirements))
    print(f"Set up in {time.monotonic() - started:.0f} s.", flush=True)


def _create(venv: Path) -> None:
    if not (find_spec("venv") and find_spec("ensurepip")):
        raise SetupError(
            f"Python's venv module is missing: on Debian and Ubuntu, apt-get install python3-venv ({sys.executable})."
        )
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", venv], capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"{sys.executable} could not make .venv: {_last_line(done.stdout + done.stderr)}")


def _install(root: Path, venv: Path, name: str) -> None:
    # The pins name everything, so nothing is resolved; what is used is compiled when it is first imported.
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--no-input", "--disable-pip-version-check", "--requirement", str(root / name)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PIP_USER": "0"})
    (root / ".data" / "pip.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        raise SetupError(
            f"pip could not install {name}: {_last_line(done.stderr)} "
            "Check the network (and PIP_INDEX_URL behind a proxy), then try again; the whole log is .data/pip.log."
        )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it said nothing."])[-1]


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Two set-ups of one checkout would break each other's .venv: the second one waits."""
    data.mkdir(mode=0o700, exist_ok=True)
    with (data / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another set-up of this checkout ...", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
