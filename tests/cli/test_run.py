"""`bin/jobs run`: here and now, without a server, where a debugger reaches it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import asked, run
from tests.processes.checkout import ROOT
from tests.tasks.conftest import FLIGHTS, PHOTO

REPORT = (f"data=@{FLIGHTS}", "group_by=nowhere", "totals=distance")

pytestmark = pytest.mark.usefixtures("settings")


def test_the_result_goes_to_stdout_and_what_the_task_says_to_stderr() -> None:
    done = run("run", "sample.report")
    assert isinstance(json.loads(done.stdout), str)
    assert "progress: 1 of 2 half" in done.stderr
    assert "log: a line" in done.stderr


def test_files_and_artifacts_need_no_server(tmp_path: Path) -> None:
    done = asked("run", "images.thumbnail", f"photo=@{PHOTO}", "width=100", "--save", str(tmp_path / "made"))
    assert done["result"]["width"] == 100
    assert Path(done["artifacts"]["thumbnail.jpg"]).stat().st_size == done["result"]["bytes"]


def test_a_failure_shows_its_traceback() -> None:
    failed = run("run", "images.thumbnail", f"photo=@{FLIGHTS}", code=3)
    assert failed.stdout == ""
    assert "tasks._pictures.PictureRefused: flights.csv is no JPEG" in failed.stderr


@pytest.mark.processes
def test_the_debugger_opens_where_the_task_raised() -> None:
    failed = bin_jobs("run", "reports.summary", *REPORT, "--pdb", given="p wanted\nq\n")
    assert failed.returncode == 3
    assert "(Pdb) 'nowhere'" in failed.stderr


def test_wrong_arguments_are_told_before_anything_runs() -> None:
    assert "/a: Field required" in run("run", "sample.add", "b=2", code=1).stderr


@pytest.mark.processes
def test_it_needs_no_settings_at_all(tmp_path: Path) -> None:
    done = bin_jobs("run", "mail.send", "to=ann@example.com", "subject=Hello", "text=Hi", DATA_DIR=str(tmp_path))
    assert json.loads(done.stdout)["outbox"]
    assert len(list((tmp_path / "outbox").iterdir())) == 1


def bin_jobs(*words: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command, known = [sys.executable, "-m", "cli", *words], {"PATH": os.environ["PATH"]}
    return subprocess.run(
        command, cwd=ROOT, env=known | environment, input=given, capture_output=True, text=True, check=False
    )


@pytest.mark.processes
def test_files_are_meant_from_where_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "mine.jpg").write_bytes(PHOTO.read_bytes())
    command = [str(ROOT / "bin" / "jobs"), "run", "images.thumbnail", "photo=@mine.jpg", "--save", "made"]
    environment = {"PATH": os.environ["PATH"], "NIGHTSHIFT_ENV": "development"}
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert (tmp_path / "made" / "thumbnail.jpg").exists()
