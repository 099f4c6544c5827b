"""What stands between a fresh clone and a running program: Python, venv, pip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import venv

ROOT = Path(__file__).resolve().parents[2]


def make_root(folder: Path, requirements: str) -> Path:
    (folder / ".data").mkdir(parents=True)
    (folder / "requirements.txt").write_text(requirements)
    return folder


def test_without_a_new_enough_python_one_sentence_says_so(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "launch.sh").write_bytes((ROOT / "cli" / "launch.sh").read_bytes())
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "dirname").symlink_to("/usr/bin/dirname")
    old = programs / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit\nexit 1\n')
    old.chmod(0o755)
    command = ["/bin/sh", str(tmp_path / "cli" / "launch.sh"), "dev"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(programs)})
    assert done.returncode == 1
    assert done.stderr == (
        "Nightshift needs Python 3.11 or newer, but PATH has Python 3.9.2: "
        "install one from https://www.python.org/downloads/\n"
    )


@pytest.mark.parametrize(("arguments", "said"), [(["--help"], "--demo"), (["--port", "x"], "is not a port")])
def test_help_and_wrong_options_need_no_set_up(tmp_path: Path, arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "cli.bootstrap", "dev", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert said in done.stdout + done.stderr


def test_unchanged_requirements_are_not_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_root(tmp_path, "")
    (root / ".venv").mkdir()
    monkeypatch.setattr(sys, "prefix", str(root / ".venv"))
    stamp = venv._stamp(root, ("requirements.txt",))
    assert not venv._is_current(root / ".venv", stamp)

    venv._write_stamp(root / ".venv", {"python": stamp["python"]})
    assert not venv._is_current(root / ".venv", stamp)

    venv._write_stamp(root / ".venv", stamp)
    assert venv._is_current(root / ".venv", stamp)

    (root / "requirements.txt").write_text("# changed")
    assert not venv._is_current(root / ".venv", venv._stamp(root, ("requirements.txt",)))


def test_a_failing_pip_is_quoted_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    root = make_root(tmp_path, "no-such-package==1.0 --hash=sha256:" + "0" * 64)
    with pytest.raises(venv.SetupError, match=r"pip could not install requirements.txt: ERROR: .*Check the network"):
        venv.prepare(root, "requirements.txt")
    assert "no-such-package" in (root / ".data" / "pip.log").read_text()


def test_a_python_without_venv_is_named_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(venv.SetupError, match="apt-get install python3-venv"):
        venv.prepare(make_root(tmp_path, ""), "requirements.txt")
