"""The running API does what its document says: requests are made up from the document and answers held against it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.site import TOKEN, Site

pytestmark = pytest.mark.processes

CONFIG = Path(__file__).with_name("schemathesis.toml")


def test_made_up_requests_find_no_contradiction(site: Site, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"{site.url}/openapi.json", "-H", f"Authorization: Bearer {TOKEN}"),
        *("--seed", "1", "--max-examples", "8", "--suppress-health-check", "all", "--warnings", "off"),
    ]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False)
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
