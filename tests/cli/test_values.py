"""Arguments as people type them become what the task's schema asks for."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal

import click
import pytest

from cli.values import arguments, usage
from jobs import File, files, registry, task
from jobs.errors import InvalidArguments
from jobs.inline import inline_mode
from jobs.registry import Task
from jobs.settings import Settings


@task(name="typed.everything")
def everything(
    text: str = "",
    number: int = 0,
    share: float = 0.0,
    flag: bool = False,
    day: date | None = None,
    either: int | str = 0,
    maybe: str | None = None,
    format: Literal["jpeg", "png"] = "jpeg",
    many: list[str] | None = None,
    numbers: list[int] | None = None,
    extra: dict[str, Any] | None = None,
    anything: Any = None,
    photo: File | None = None,
    photos: list[File] | None = None,
) -> None:
    """Take one of each."""


@pytest.fixture
def taking(settings: Settings) -> Task:
    return registry.find("typed.everything")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("text=5", {"text": "5"}),
        ("text=", {"text": ""}),
        ("text=a=b", {"text": "a=b"}),
        ("text=@ann", {"text": "@ann"}),
        ("text=null", {"text": "null"}),
        ("number=5", {"number": 5}),
        ("share=2", {"share": 2}),
        ("flag=true", {"flag": True}),
        ("day=2026-11-21", {"day": "2026-11-21"}),
        ("either=5", {"either": 5}),
        ("either=five", {"either": "five"}),
        ("maybe=null", {"maybe": None}),
        ("maybe=5", {"maybe": "5"}),
        ("format=png", {"format": "png"}),
        ("many=one", {"many": ["one"]}),
        ('many=["a", "b"]', {"many": ["a", "b"]}),
        ("numbers=1", {"numbers": [1]}),
        ('extra={"a": 1}', {"extra": {"a": 1}}),
        ("anything=[1, 2]", {"anything": [1, 2]}),
        ("anything=hello", {"anything": "hello"}),
        ('text:="5"', {"text": "5"}),
    ],
)
def test_a_value_is_read_as_the_schema_says(typed: str, meant: dict[str, Any], taking: Task) -> None:
    assert arguments(taking, [typed]) == meant


def test_a_list_is_given_one_at_a_time(taking: Task) -> None:
    assert arguments(taking, ["numbers=1", "numbers=2"]) == {"numbers": [1, 2]}


def test_single_values_win_over_the_whole_object(taking: Task) -> None:
    assert arguments(taking, ["number=2"], '{"number": 1, "text": "a"}') == {"number": 2, "text": "a"}


def test_files_are_stored_where_a_file_is_taken(taking: Task, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    with inline_mode():
        given = arguments(
            taking, [f"photo=@{tmp_path}/a.png", f"photos=@{tmp_path}/a.png", f"photos=@{tmp_path}/a.png"]
        )
        stored = files.get(given["photo"])
        assert (stored.name, stored.content_type, stored.read()) == ("a.png", "image/png", b"one")
        assert len({given["photo"], *given["photos"]}) == 3


def test_a_file_is_not_stored_when_something_else_is_wrong(taking: Task, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    with pytest.raises(InvalidArguments, match="/number"):  # and not: Redis is unavailable
        arguments(taking, [f"photo=@{tmp_path}/a.png", "number=many"])


@pytest.mark.parametrize(
    ("typed", "whole", "reason"),
    [
        (["number"], None, "is not name=value"),
        (["photo=@nowhere.png"], None, "there is no file 'nowhere.png'"),
        (["text:=five"], None, "text is not JSON"),
        ([], "[]", "--args needs a JSON object"),
        ([], "{", "--args is not JSON"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(typed: list[str], whole: str | None, reason: str, taking: Task) -> None:
    with pytest.raises(click.UsageError, match=reason):
        arguments(taking, typed, whole)


def test_the_arguments_are_told_in_one_line() -> None:
    assert usage(registry.find("sample.work")) == "path=STRING [seconds=INTEGER|NUMBER] [text=STRING]"
    assert "[photo=@FILE]" in usage(registry.find("typed.everything"))
    assert "[format=jpeg|png]" in usage(registry.find("typed.everything"))
    assert "[numbers=INTEGER…]" in usage(registry.find("typed.everything"))
