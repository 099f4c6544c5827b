"""Light work after the response."""

from pathlib import Path
from threading import Event

import httpx
import pytest
from flask import Flask

from tests.hearing import hearing
from tests.web import site
from web import after
from web.access import public
from web.after import TooMuchAfterResponse, after_response, drain


def test_it_is_done_after_the_response_was_sent(app: Flask) -> None:
    done = Event()

    def view() -> str:
        after_response(done.set)
        assert not done.is_set()
        return "sent"

    app.add_url_rule("/later", "later", public(view))
    with app.test_client().get("/later") as answer:
        assert answer.data == b"sent"
        assert not done.is_set()
    assert done.wait(5)


def test_functions_may_be_async_and_take_arguments() -> None:
    seen: list[tuple[int, str]] = []

    async def note(number: int, *, word: str) -> None:
        seen.append((number, word))

    after_response(note, 1, word="one")
    assert drain(5) == 0
    assert seen == [(1, "one")]


def test_a_failure_is_logged_and_changes_nothing_else() -> None:
    def fail() -> None:
        raise ValueError("no paper")

    with hearing() as lines:
        after_response(fail)
        drain(5)
    assert [line["event"] for line in lines] == ["work after the response failed"]
    assert "fail" in lines[0]["function"]


def test_what_waits_is_bounded_and_drained() -> None:
    gate = Event()
    for _ in range(after.LIMIT):
        after_response(gate.wait, 10)
    with pytest.raises(TooMuchAfterResponse):
        after_response(gate.wait, 10)
    with hearing() as lines:
        assert drain(0.01) == after.LIMIT
    assert lines[0]["calls"] == after.LIMIT
    gate.set()
    assert drain(5) == 0
    after_response(gate.wait, 10)
    assert drain(5) == 0


@pytest.mark.processes
def test_a_process_that_is_stopped_finishes_what_waits_first(tmp_path: Path) -> None:
    port = site.free_port()
    url = f"http://127.0.0.1:{port}"
    web = site.start_web(port, "unix:///nowhere/redis.sock", app="tests.web.draining:app", DATA_DIR=str(tmp_path))
    try:
        site.wait_until_live(url, web)
        assert httpx.get(f"{url}/ask").text == "asked"
    finally:
        web.terminate()
        web.wait(30)
    assert len(list(tmp_path.glob("done-*"))) == 6
