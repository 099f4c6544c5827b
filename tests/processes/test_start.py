"""Each process started by hand, as a platform starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .checkout import free_port

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
BIN = str(Path(sys.executable).parent)
SECRETS = dict.fromkeys(("SECRET_KEY", "ADMIN_PASSWORD", "API_TOKEN"), "long enough for a test")


def start(command: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command.split(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1", **variables},
    )


@pytest.mark.parametrize(
    ("command", "needs"),
    [
        ("gunicorn web.wsgi:app", {"REDIS_URL", *SECRETS}),
        ("python -m worker", {"REDIS_URL"}),
        ("python clock.py", {"REDIS_URL"}),
    ],
)
def test_in_production_nothing_starts_without_what_it_needs(command: str, needs: set[str]) -> None:
    with start(command, HORSES="none", PORT=str(free_port())) as process:
        said = process.communicate(timeout=30)[0]
    assert process.returncode != 0
    assert set(re.findall(r"  - ([A-Z_]+): ", said)) == needs | {"HORSES"}
    assert "Traceback" not in said


@pytest.mark.server
@pytest.mark.parametrize(
    ("command", "ready"),
    [
        ("gunicorn web.wsgi:app", "Booting worker"),
        ("python -m worker", '"event": "Ready"'),
        ("python clock.py", "Starting clock"),
    ],
)
def test_a_process_starts_by_hand_writes_json_lines_and_stops_cleanly(
    command: str, ready: str, redis_url: str, tmp_path: Path
) -> None:
    variables = {"REDIS_URL": redis_url, "PORT": str(free_port()), "DATA_DIR": str(tmp_path), **SECRETS}
    with start(command, **variables) as process:
        assert process.stdout
        seen = []
        for line in process.stdout:
            seen.append(line)
            if ready in line:
                break
        process.send_signal(signal.SIGTERM)
        seen += process.stdout
        assert process.wait(30) == 0, "".join(seen)
    assert [line for line in seen if not re.match(r"\{.*\}\n", line)] == []
