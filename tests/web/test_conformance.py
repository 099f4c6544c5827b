"""The running API does what its document says: requests are made up from the document and answers held against it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.site import TOKEN, Site

pytestmark = pytest.mark.processes

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.parametrize(
    ("examples", "cases"),
    [(8, 500), pytest.param(180, 10_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])],
)
def test_made_up_requests_find_no_contradiction(site: Site, tmp_path: Path, examples: int, cases: int) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"{site.url}/openapi.json", "-H", f"Authorization: Bearer {TOKEN}"),
        *("--seed", "1", "--max-examples", str(examples), "--suppress-health-check", "all", "--warnings", "off"),
    ]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
    generated = re.search(r"([\d,]+) generated", found.stdout)
    assert generated
    assert int(generated[1].replace(",", "")) >= cases
