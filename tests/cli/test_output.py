"""What is printed is plain in a pipe, fits a terminal, and cannot steer it."""

from __future__ import annotations

import json

from redis import Redis
from rich.console import Console

from cli.tables import clean, table
from jobs import dispatch
from jobs.dispatch import JobRequest
from tests.cli.conftest import said


def printed(*columns: str, row: list[str], width: int) -> str:
    target = Console(width=width, color_system=None)
    with target.capture() as seen:
        target.print(table(columns, [row], width=width))
    return seen.get()


def test_what_matters_least_gives_way_first() -> None:
    wide = ["an id of some length", "2 m ago", "12 s"]
    assert "created" in printed("id", "created?", "took?", row=wide, width=80)
    narrow = printed("id", "created?", "took?", row=wide, width=30)
    assert "created" in narrow
    assert "took" not in narrow
    assert printed("id", "created?", "took?", row=wide, width=20).split() == ["id", *wide[0].split()]


def test_a_pipe_gets_whole_lines_without_colours(redis: Redis) -> None:
    dispatch.submit(JobRequest(task="sample.work", args={"path": "x" * 300}, tags=["t"]))
    told = said("jobs", "ls")
    assert "\x1b" not in told
    assert len(told.splitlines()) == 2
    assert all(line == line.rstrip() for line in told.splitlines())


def test_control_characters_do_not_reach_the_terminal(redis: Redis) -> None:
    dispatch.submit(JobRequest(task="sample.work", args={"path": "é\x9b31m\x1b[31m"}))
    told = said("jobs", "ls", "--json")
    assert "é\\u009b31m\\u001b[31m" in told
    assert json.loads(told)["jobs"][0]["args"]["path"] == "é\x9b31m\x1b[31m"
    assert clean("red \x1b[31m\x9b\r\x07 [bold]") == "red �[31m��� [bold]"
