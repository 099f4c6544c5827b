"""The promises at a tenth of their full size; `python -m bench.gates` is the whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .checkout import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.mark.parametrize("gate", ["storm", "corrupt", "same_key", "lost_replies", "hung"])
def test_a_gate_holds(gate: str) -> None:
    done = subprocess.run([sys.executable, "-m", "bench.gates", gate, "--share", "0.1"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
