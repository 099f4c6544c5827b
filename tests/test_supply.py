"""What runs can be installed from a folder of wheels, by hash, on a machine without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINS = "requirements.txt"
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_NO_INDEX": "1", "HTTPS_PROXY": "http://127.0.0.1:9"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def test_a_folder_of_wheels_is_all_that_an_installation_needs(tmp_path: Path) -> None:
    wheels, fresh = tmp_path / "wheels", tmp_path / "fresh"
    _run(sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "-r", PINS, "-d", str(wheels))
    _run(sys.executable, "-m", "venv", str(fresh))
    install = (str(fresh / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index")
    _run(*install, "--find-links", str(wheels), "--require-hashes", "-r", PINS, **NOWHERE)
    _run(str(fresh / "bin" / "python"), "-c", "import web, worker, clock, cli", NIGHTSHIFT_ENV="test")

    for wheel in wheels.glob("flask-3*"):
        wheel.write_bytes(wheel.read_bytes() + b"\0")
    other = tmp_path / "other"
    _run(sys.executable, "-m", "venv", str(other))
    changed = (str(other / "bin" / "python"), *install[1:], "--find-links", str(wheels), "--require-hashes", "-r", PINS)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _run(*changed, **NOWHERE)
    assert "DO NOT MATCH THE HASHES" in refused.value.stderr


def _run(*command: str, **variables: str) -> None:
    subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
