"""What runs can be installed from a folder of wheels, by hash, without a network, and looked up by its versions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINS = "requirements.txt"
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_NO_INDEX": "1", "HTTPS_PROXY": "http://127.0.0.1:9"}


@pytest.mark.long
@pytest.mark.timeout(900)
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


def test_an_audit_names_the_package_of_which_a_database_knows_something() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), FlaskIsVulnerable) as database:
        threading.Thread(target=database.serve_forever, daemon=True).start()
        told = _audit(f"http://127.0.0.1:{database.server_port}/v1/query")
        database.shutdown()
    assert told.returncode == 1
    assert "requirements.txt: flask 3" in told.stdout
    assert "is VULNERABLE: TEST-1" in told.stdout
    assert "packages, none known to be vulnerable" in told.stdout


def test_an_audit_without_an_answer_claims_nothing() -> None:
    told = _audit("http://127.0.0.1:9/v1/query")
    assert told.returncode == 3
    assert told.stdout.count("NOT AUDITED") == 3


class FlaskIsVulnerable(BaseHTTPRequestHandler):
    """Answers as OSV does: what is known of one package at one version."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package = asked["package"]
        known = [{"id": "TEST-1", "affected": [{"package": package}]}] if package["name"] == "flask" else []
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"vulns": known}).encode())


def _audit(url: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, ".ci/audit.py", "--osv-url", url)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _run(*command: str, **variables: str) -> None:
    subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
