"""Looks up every pinned package in the database of known vulnerabilities: `.venv/bin/python .ci/audit.py`.

The package index is asked; where it is a mirror without that database, `--osv-url https://api.osv.dev/v1/query` asks
OSV, or whatever answers like it.

Exit code 0 when all were looked up and none is known to be vulnerable, 1 when one is, 3 when some could not be looked
up, because no network or a mirror without that database answered: then nothing is known, and nothing is claimed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILES = ("requirements.txt", "requirements-extras.txt", "requirements-dev.txt")


def main() -> int:
    """Ask for each file of pins, and say what came of it."""
    parser = argparse.ArgumentParser(description="Looks up every pinned package among known vulnerabilities.")
    parser.add_argument("--osv-url", metavar="URL", help="ask this OSV database instead of the package index")
    asked = parser.parse_args()
    service = ("--vulnerability-service", "osv", "--osv-url", asked.osv_url) if asked.osv_url else ()
    codes = {_audit(name, service) for name in FILES}
    return 1 if 1 in codes else max(codes)


def _audit(name: str, service: tuple[str, ...]) -> int:
    options = ("--disable-pip", "--format", "json", "--progress-spinner", "off", *service)
    command = [sys.executable, "-m", "pip_audit", "--requirement", name, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"{name}: NOT AUDITED, the database did not answer: {_last_line(done.stderr)}")
        return 3
    return _judge(name, found)


def _judge(name: str, found: list[dict[str, Any]]) -> int:
    vulnerable = [package for package in found if package.get("vulns")]
    unknown = [package for package in found if package.get("skip_reason")]
    for package in vulnerable:
        ids = ", ".join(flaw["id"] for flaw in package["vulns"])
        print(f"{name}: {package['name']} {package['version']} is VULNERABLE: {ids}")
    if unknown:
        print(f"{name}: NOT AUDITED, the database knows nothing of {len(unknown)} of {len(found)} packages")
    if not vulnerable and not unknown:
        print(f"{name}: {len(found)} packages, none known to be vulnerable")
    return 1 if vulnerable else 3 if unknown else 0


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no word")


if __name__ == "__main__":
    sys.exit(main())
