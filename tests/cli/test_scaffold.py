"""`bin/jobs new-task`: what it writes passes the project's own checks at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cli.scaffold import write_task
from cli.sources import with_all, with_import, with_plain_import
from tests.processes.checkout import NOT_COPIED, ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT, tmp_path / "checkout", ignore=NOT_COPIED))


def python(checkout: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=checkout, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.processes
def test_new_tasks_run_and_pass_their_tests_and_the_linters(checkout: Path) -> None:
    told = python(checkout, "cli", "new-task", "billing.invoice", "--queue", "low")
    assert "wrote tasks/billing.py\nwrote tests/tasks/test_billing.py\nwrote tasks/__init__.py\n" in told
    python(checkout, "cli", "new-task", "billing.refund")
    python(checkout, "cli", "new-task", "images.crop")
    assert python(checkout, "cli", "run", "billing.invoice", "name=first", "count=3") == '{"done": 3}\n'
    assert "6 passed" in python(checkout, "pytest", "-q", "tests/tasks", "-k", "invoice or refund or crop")
    python(checkout, "ruff", "check", "tasks", "tests/tasks")
    python(checkout, "ruff", "format", "--check", "tasks", "tests/tasks")


@pytest.mark.parametrize("name", ["billing", "Billing.invoice", "a.b.c", "class.invoice", "billing.import", "jobs.x"])
def test_a_name_that_python_or_we_cannot_take_is_wrong_usage(name: str, tmp_path: Path) -> None:
    with pytest.raises(click.UsageError):
        write_task(tmp_path, name, None)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "billing.py").write_text("def invoice() -> None: ...\n")
    with pytest.raises(click.UsageError, match=r"tasks/billing\.py has a 'invoice' already"):
        write_task(tmp_path, "billing.invoice", None)


def test_names_join_the_imports_there_are() -> None:
    assert with_import("from . import b, d\n", "c", level=1) == "from . import b, c, d\n"
    assert with_import("from jobs import File, enqueue\n", "Retry", "jobs") == "from jobs import File, Retry, enqueue\n"
    assert with_import("from jobs import task\n", "task", "jobs") == "from jobs import task\n"
    assert with_import('"""Doc."""\n', "a", level=1) == '"""Doc."""\n\nfrom . import a\n\n'
    assert with_import("from tasks import x\n", "task", "jobs") == "from jobs import task\nfrom tasks import x\n"
    assert with_plain_import("from jobs import task\n", "pytest") == "import pytest\n\nfrom jobs import task\n"
    assert with_all('__all__ = ["a", "c"]\n', "b") == '__all__ = ["a", "b", "c"]\n'


def test_a_long_list_is_wrapped_as_the_formatter_would() -> None:
    names = [f"a_rather_long_name_{letter}" for letter in "abcdef"]
    wrapped = with_import(f"from . import {', '.join(names)}\n", "g", level=1)
    assert wrapped.splitlines()[:2] == ["from . import (", "    a_rather_long_name_a,"]
