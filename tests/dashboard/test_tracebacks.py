"""Tracebacks: the user's own frames first, whatever the text looks like, and the complete text below."""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

import jobs
from jobs import Retry, enqueue, failures, monitor, task
from web.dashboard.tracebacks import own_frames

from .conftest import Visitor
from .hand import run_next
from .test_pages import PAYLOAD

IN_A_LIBRARY = """Traceback (most recent call last):
  File "/app/tasks/mail.py", line 41, in send
    connect(url)
    ~~~~~~~^^^^^
  File "/app/.venv/lib/python3.12/site-packages/smtp/client.py", line 9, in connect
    raise OSError("refused")
OSError: refused
"""


@task(name="hand.read", retry=Retry(max=0))
def read(text: str) -> Any:
    """Read JSON."""
    return json.loads(text)


@task(name="hand.quote", retry=Retry(max=0))
def quote(text: str, api_key: str) -> None:
    """Raise because of an exception that quotes the arguments."""
    try:
        raise KeyError(f"{api_key} {text}")
    except KeyError as error:
        raise ValueError(text) from error


def chained() -> None:
    """Raise because of another exception."""
    try:
        json.loads("{")
    except ValueError as error:
        raise RuntimeError("no settings") from error


def grouped() -> None:
    """Raise several at once."""
    try:
        chained()
    except RuntimeError as error:
        raise ExceptionGroup("some", [error, KeyError("bare")]) from None


def noted() -> None:
    """Raise with notes and a message of many lines that look like frames."""
    error = ValueError('two\n  File "/app/fake.py", line 1, in fake\nlines')
    error.add_note('  File "/app/note.py", line 2, in note')
    raise error


def misspelt() -> None:
    """Compile what is no Python."""
    compile("ok = 1\nx = = 2\n", "/app/tasks/made.py", "exec")


def endless() -> None:
    """Call itself."""
    endless()


def text_of(function: Callable[[], None]) -> str:
    """The traceback of what a function raises."""
    try:
        function()
    except Exception:
        return traceback.format_exc()
    raise AssertionError("nothing was raised")


def names(text: str) -> list[tuple[str, list[str]]]:
    """The functions of the frames that are shown, by exception."""
    return [(each.link, [frame.name for frame in each.frames]) for each in own_frames(text)]


def test_the_line_of_ones_own_comes_with_its_source_and_without_the_library() -> None:
    (raised,) = own_frames(IN_A_LIBRARY)
    assert [frame.place for frame in raised.frames] == ["tasks/mail.py:41 in send"]
    assert raised.frames[0].code == "connect(url)\n~~~~~~~^^^^^"
    assert raised.says == "OSError: refused"


def test_a_task_that_was_interrupted_is_shown_where_it_was() -> None:
    ours = [f"{Path(jobs.__file__).parents[1]}/{name}" for name in ("worker/attempts.py", "jobs/running.py")]
    inner = [f'  File "{file}", line 7, in own\n    own()' for file in (ours[1], "/app/tasks/mail.py", ours[0])]
    text = "\n".join(["Traceback (most recent call last):", *inner, "worker.endings.JobTimeout: ran longer than 1 s"])
    (raised,) = own_frames(text)
    assert [frame.place for frame in raised.frames] == ["tasks/mail.py:7 in own"]


def test_what_ended_the_attempt_comes_before_its_cause_and_the_innermost_frame_first() -> None:
    assert names(text_of(chained)) == [("", ["chained", "text_of"]), ("caused by", ["chained"])]
    shown = own_frames(text_of(chained))
    assert shown[0].frames[0].code == 'raise RuntimeError("no settings") from error'
    assert shown[1].says.startswith("json.decoder.JSONDecodeError: Expecting")


def test_the_members_of_a_group_follow_it() -> None:
    assert names(text_of(grouped)) == [
        ("", ["grouped", "text_of"]),
        ("in the group", ["chained", "grouped"]),
        ("caused by", ["chained"]),
    ]


def test_messages_and_notes_are_no_frames() -> None:
    (raised,) = own_frames(text_of(noted))
    assert [frame.name for frame in raised.frames] == ["noted", "text_of"]
    assert raised.says.splitlines()[0] == "ValueError: two"
    assert "note.py" in raised.says


def test_a_syntax_error_is_shown_where_it_is() -> None:
    (raised,) = own_frames(text_of(misspelt))
    assert raised.frames[0].place == "tasks/made.py:2"
    assert raised.frames[0].code.startswith("x = = 2\n")
    assert raised.frames[1].name == "misspelt"


def test_an_endless_call_is_folded_as_python_folds_it() -> None:
    (raised,) = own_frames(text_of(endless))
    assert len(raised.frames) < 10
    assert any("Previous line repeated" in frame.code for frame in raised.frames)


def test_a_traceback_that_lost_its_beginning_keeps_what_is_left() -> None:
    (raised,) = own_frames(IN_A_LIBRARY[20:])
    assert raised.frames[0].name == "send"


@pytest.mark.parametrize(
    "text", ["", "no traceback at all", "Traceback (most recent call last):", "  ", "|\n+-+\n  | x"]
)
def test_a_text_that_is_no_traceback_has_no_frames(text: str) -> None:
    assert own_frames(text) == []


def test_a_traceback_of_libraries_only_has_none_of_ones_own() -> None:
    assert own_frames(IN_A_LIBRARY.replace("/app/tasks", "/usr/lib/python3.12")) == []


def test_a_hostile_text_is_read_in_no_time() -> None:
    started = time.perf_counter()
    for piece in (
        '  File "',
        '  File "a", line 1\n',
        "  + Exception Group Traceback (most recent call last):\n",
        " +-",
    ):
        own_frames(piece * (32_000 // len(piece)))
    assert time.perf_counter() - started < 2


def fail_at_reading(redis: Redis, text: str = "{") -> str:
    """Let a job fail in a library, as a horse runs it."""
    job = enqueue(read, text)
    run_next(redis)
    return job.id


def test_a_job_and_its_group_show_the_line_of_the_task_and_fold_the_rest(admin: Visitor, redis: Redis) -> None:
    job_id = fail_at_reading(redis)
    for path in (f"/jobs/{job_id}", "/failures"):
        page = unescape(admin.open(path).text)
        shown = re.search(r'<div class="raised">(.+?)</div>', page, re.DOTALL)
        assert shown
        assert re.search(
            r"dashboard/test_tracebacks\.py:\d+ in read</code><pre[^>]*>return json\.loads\(text\)", shown[1]
        )
        assert "json/decoder.py" not in shown[1]
        folded = page[page.index("Complete traceback</summary>") :]
        assert "json/decoder.py" in folded
        assert "Traceback (most recent call last)" in folded


def test_a_traceback_is_text_and_hides_what_its_job_keeps_secret(admin: Visitor, redis: Redis) -> None:
    job = enqueue(quote, PAYLOAD, "sk-very-secret")
    run_next(redis)
    for path in (f"/jobs/{job.id}", "/failures"):
        page = admin.open(path).text
        assert re.search(r"caused by</span> KeyError: .*\[hidden\] &lt;script&gt;alert", page)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "sk-very-secret" not in page


def test_failures_say_how_many_they_were_grouped_from(
    admin: Visitor, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "MOST", 2)
    for _ in range(2):
        fail_at_reading(redis)
    assert "grouped from" not in admin.open("/failures").text
    fail_at_reading(redis)
    admin.client.application.extensions["nightshift.failures"].forget()
    assert monitor.stored("failed") == 3
    assert "2 dead letters in 1 group, grouped from the newest 2 of 3" in admin.open("/failures").text
