"""Every command explains itself, and speaks JSON."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.__main__ import main
from cli.commands import Command
from tests.cli.conftest import run, said
from tests.processes.checkout import NOT_COPIED, ROOT

OF_LOCAL_RUNS = {"demo", "all-in-one"}
CONTEXT = click.Context(main)


def commands() -> Iterator[tuple[str, click.Command]]:
    for name in main.list_commands(CONTEXT):
        if name not in OF_LOCAL_RUNS:
            command = main.get_command(CONTEXT, name)
            assert command
            yield from _below(name, command)


def _below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for part, inner in command.commands.items():
            yield from _below(f"{name} {part}", inner)
    else:
        yield name, command


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0]) for pair in commands()])
def test_every_command_has_help_an_example_and_json(name: str, command: click.Command) -> None:
    assert isinstance(command, Command)
    assert command.examples
    assert command.help
    assert command.examples[0].startswith((name, name.split()[-1]))
    told = said(*name.split(), "--help")
    assert "--json" in told
    assert "bin/jobs " in told


def test_the_list_of_commands_says_what_each_is_for() -> None:
    told = said("--help")
    assert [line for line in ("Jobs:", "Operate:", "Build:") if line not in told] == []
    assert all(f"  {name} " in told for name in main.list_commands(CONTEXT))


def test_names_of_other_tools_are_understood(settings: object) -> None:
    assert said("tasks", "list") == said("tasks", "ls")


def test_an_unknown_command_is_wrong_usage() -> None:
    assert "No such command 'nothing'" in run("nothing", code=2).stderr


@pytest.mark.processes
def test_tasks_that_cannot_be_imported_are_told_in_one_sentence(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=NOT_COPIED)
    with (checkout / "tasks" / "__init__.py").open("a") as contents:
        contents.write("\nimport nothing_of_this_name\n")
    assert "Jobs:" in _bin_jobs(checkout, "--help").stdout
    broken = _bin_jobs(checkout, "enqueue", "mail.send")
    assert broken.returncode == 1
    assert broken.stderr.startswith(
        "Error: the tasks cannot be imported: ModuleNotFoundError: No module named 'nothing_"
    )
    assert "  - tasks: cannot be imported" in _bin_jobs(checkout, "check").stderr


def _bin_jobs(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *words]
    return subprocess.run(command, cwd=checkout, env={"PATH": ""}, capture_output=True, text=True, check=False)
