"""Debian's chromium for the browser tests. Standard library only."""

import os
import shutil
import subprocess
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def provide(log: Path) -> None:
    """Install chromium where there is none and we may; where we may not, say so."""
    if any(shutil.which(name) for name in _NAMES):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print("No chromium found: the browser tests need one (apt-get install chromium).", flush=True)
    elif not _install(log):
        print(f"chromium could not be installed, see {log}: the browser tests cannot run.", flush=True)


def _install(log: Path) -> bool:
    print("Installing chromium for the browser tests ...", flush=True)
    variables = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with log.open("wb") as output:
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            command = ["apt-get", *arguments]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=variables)
            if done.returncode:
                return False
    return True
