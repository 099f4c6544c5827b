"""The files a platform reads."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
APP: dict[str, Any] = json.loads((ROOT / "app.json").read_text())


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_the_procfile_names_each_process_without_shell_logic() -> None:
    assert list(procfile()) == ["release", "web", "worker", "clock"]
    assert not [command for command in procfile().values() if re.search(r"[|&;<>$`\\]", command)]


def test_every_process_but_the_release_has_a_place_in_the_formation() -> None:
    assert APP["formation"].keys() == procfile().keys() - {"release"}
    assert APP["formation"]["clock"]["quantity"] == 1


def test_a_platform_makes_the_secrets() -> None:
    generated = {name for name, entry in APP["env"].items() if entry.get("generator") == "secret"}
    assert generated == {"SECRET_KEY", "ADMIN_PASSWORD", "API_TOKEN"}


def test_the_values_a_platform_sets_are_settings_that_are_accepted() -> None:
    assert APP["env"].keys() <= {name.upper() for name in Settings.model_fields}
    values = {name.lower(): entry["value"] for name, entry in APP["env"].items() if "value" in entry}
    Settings.model_validate({"NIGHTSHIFT_ENV": "test", **values})


def test_the_platforms_python_is_one_we_support() -> None:
    version = re.fullmatch(r"python-3\.(\d+)\n", (ROOT / "runtime.txt").read_text())
    assert version
    assert 11 <= int(version[1]) <= 14


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_its_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = re.findall(r"^\S+==\S+(?: ; .+?)? \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE)) > 40
    assert not re.search(r"https?://|--index|--find-links|file:", text)


def test_what_runs_has_the_same_version_where_it_is_checked() -> None:
    runs, checks = (
        set(re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "requirements-dev.txt")
    )
    assert runs <= checks


def test_this_python_is_one_we_support() -> None:
    assert (3, 11) <= sys.version_info < (3, 15)
