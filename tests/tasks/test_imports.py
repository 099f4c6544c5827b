"""Imports hold every line once and in order, however often they are interrupted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from jobs import Discard, RetryLater, Snooze, enqueue, files
from jobs.errors import FileTooLarge, InvalidArguments
from jobs.inline import Inline
from jobs.outbound import OutboundFailed, OutboundRefused
from jobs.registry import find
from jobs.settings import Settings, use_settings
from tasks.imports import pages
from tests.tasks.conftest import Answer, Asked, Attempts, Site, Sites

Failure = Callable[[int], Answer | None]
LAST = 20
PER_PAGE = 3


def items(page: int) -> list[dict[str, Any]]:
    return [{"id": page * 100 + i, "name": f"Łódź\u2028{page}"} for i in range(PER_PAGE)]


EXPECTED = [item for page in range(1, LAST + 1) for item in items(page)]


def number_of(asked: Asked) -> int:
    return int(parse_qs(urlsplit(asked.path).query).get("page", ["1"])[0])


def api(asked: Asked) -> Answer:
    """Pages 1 to 20, and empty ones beyond."""
    number = number_of(asked)
    found = items(number) if number <= LAST else []
    following = f"/items?page={number + 1}" if number < LAST else None
    links = {"Link": f'<{following}>; rel="next", </items?page=1>; rel="first"'} if following else {}
    body = {"data": {"items": found}, "last": LAST, "next": following, "cursor": number + 1 if following else None}
    return Answer(200, body, links)


def failing(*failures: tuple[int, Answer]) -> Callable[[Asked], Answer]:
    """The API, but each of these pages answers so the first time."""
    left = list(failures)

    def script(asked: Asked) -> Answer:
        for failure in left:
            if failure[0] == number_of(asked):
                left.remove(failure)
                return failure[1]
        return api(asked)

    return script


def attempts(site: Site, **more: object) -> Attempts:
    return Attempts("imports.pages", {"url": f"{site.url}/items", "items": "/data/items", "rate": 100} | more)


def lines_of(file_id: str) -> list[Any]:
    return [json.loads(line) for line in files.get(file_id).read().splitlines()]


def asked_pages(site: Site) -> list[int]:
    return [number_of(asked) for asked in site.asked]


STYLES = [
    {"style": "number"},
    {"style": "number", "last_page": LAST},
    {"style": "number", "last_page_at": "/last"},
    {"style": "link"},
    {"style": "cursor", "next_at": "/next"},
    {"style": "cursor", "next_at": "/cursor", "cursor_param": "page"},
]


@pytest.fixture(autouse=True)
def memory(outward: Settings, inline: Inline) -> Inline:
    """Files in memory, and loopback allowed."""
    return inline


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_all_pages_are_fetched_in_order(style: dict[str, Any], site: Sites) -> None:
    server = site(api)
    result = attempts(server, **style).run()
    assert lines_of(result["file"]) == EXPECTED
    assert (result["pages"], result["lines"], result["complete"]) == (LAST, LAST * PER_PAGE, True)
    assert files.get(result["file"]).size == result["bytes"]


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_an_import_that_failed_goes_on_where_it_stopped(style: dict[str, Any], site: Sites) -> None:
    server = site(failing((8, Answer(400, b"broken")), (15, Answer(400, b"broken again"))))
    job = attempts(server, **style)
    for _ in range(2):
        with pytest.raises(Discard, match="answered 400: broken"):
            job.run()
    result = job.run()
    assert lines_of(result["file"]) == EXPECTED
    assert asked_pages(server).count(1) == 1, "what was written is not asked for again"
    assert asked_pages(server).count(7) == 1


def test_a_server_that_breaks_the_connection_midway_loses_nothing(site: Sites, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies in the middle of page 9, for longer than one attempt is patient."""
    monkeypatch.setattr("tasks._fetching._TRIES", 2)
    down = threading.Event()

    def script(asked: Asked) -> Answer:
        if number_of(asked) == 9:
            down.set()
        if down.is_set():
            return Answer(200, b'{"data": {"items": [', {"Content-Length": "1000"}, slowly=_cut())
        return api(asked)

    server = site(script)
    job = attempts(server, concurrency=2)
    with pytest.raises(OutboundFailed) as caught:
        job.run()
    assert find("imports.pages").retry.wants(caught.value)
    server.script = api
    result = job.run()
    assert lines_of(result["file"]) == EXPECTED
    assert asked_pages(server).count(5) == 1


def _cut() -> Iterator[bytes]:
    yield b'{"id": 900}'
    raise ConnectionError("the server is gone")


def test_a_stumbling_server_costs_no_attempt(site: Sites) -> None:
    server = site(failing((3, Answer(503)), (12, Answer(500))))
    job = attempts(server)
    assert lines_of(job.run()["file"]) == EXPECTED
    assert job.count == 1


def test_a_short_retry_after_is_waited_for(site: Sites) -> None:
    server = site(failing((5, Answer(429, headers={"Retry-After": "1"}))))
    job = attempts(server, concurrency=1)
    started = time.monotonic()
    assert lines_of(job.run()["file"]) == EXPECTED
    assert time.monotonic() - started > 1
    assert job.count == 1


def test_a_long_retry_after_puts_the_job_off_without_an_attempt_when_it_got_somewhere(site: Sites) -> None:
    wait = Answer(429, headers={"Retry-After": "3600"})
    server = site(failing((1, wait), (5, wait)))
    job = attempts(server, concurrency=1)
    with pytest.raises(RetryLater) as first:
        job.run()
    with pytest.raises(Snooze) as second:
        job.run()
    assert (first.value.seconds, second.value.seconds) == (3600, 3600)
    assert lines_of(job.run()["file"]) == EXPECTED


def test_requests_keep_to_the_rate_and_to_the_number_at_a_time(site: Sites) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def script(asked: Asked) -> Answer:
        nonlocal busy, most
        with lock:
            busy, most = busy + 1, max(most, busy + 1)
        time.sleep(0.02)
        with lock:
            busy -= 1
        return api(asked)

    started = time.monotonic()
    attempts(site(script), last_page=LAST, rate=20, concurrency=3).run()
    assert time.monotonic() - started >= (LAST - 1) / 20 - 0.05
    assert most <= 3
    started = time.monotonic()
    attempts(site(script), last_page=LAST, rate=100, concurrency=3).run()
    assert 1 < most <= 3


def test_the_first_page_may_be_zero_and_other_parameters_stay(site: Sites) -> None:
    server = site(lambda asked: Answer(200, [number_of(asked)] if number_of(asked) < 3 else []))
    job = Attempts("imports.pages", {"url": f"{server.url}/?sort=a", "first_page": 0, "concurrency": 1, "rate": 100})
    assert lines_of(job.run()["file"]) == [0, 1, 2]
    assert server.asked[0].path == "/?sort=a&page=0"


def test_the_end_may_be_a_missing_page(site: Sites) -> None:
    server = site(lambda asked: api(asked) if number_of(asked) <= LAST else Answer(404))
    result = attempts(server).run()
    assert (result["pages"], result["complete"]) == (LAST, True)


def test_an_address_that_does_not_exist_is_not_an_empty_import(site: Sites) -> None:
    with pytest.raises(Discard, match="answered 404"):
        attempts(site(lambda asked: Answer(404, b"no such thing"))).run()


def test_a_page_missing_before_the_known_end_is_an_error(site: Sites) -> None:
    with pytest.raises(Discard, match="answered 404"):
        attempts(site(failing((7, Answer(404)))), last_page=LAST).run()


def test_an_empty_page_before_the_known_end_is_no_end(site: Sites) -> None:
    server = site(failing((7, Answer(200, {"data": {"items": []}, "last": LAST}))))
    result = attempts(server, last_page_at="/last").run()
    assert (result["pages"], result["lines"]) == (LAST, (LAST - 1) * PER_PAGE)


def test_an_api_without_items_gives_an_empty_file(site: Sites) -> None:
    result = attempts(site(lambda asked: Answer(200, {"data": {"items": []}}))).run()
    assert (result["lines"], result["complete"], files.get(result["file"]).read()) == (0, True, b"")


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_a_limit_of_pages_is_kept_and_said(style: dict[str, Any], site: Sites) -> None:
    result = attempts(site(api), max_pages=5, **style).run()
    assert (result["pages"], result["complete"]) == (5, False)
    result = attempts(site(api), max_pages=LAST + 1, **style).run()
    assert (result["pages"], result["complete"]) == (LAST, True)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(200, {"rows": []}), "has no list at '/data/items'; it has 'rows'"),
        (Answer(200, b"<html>"), "is not JSON"),
        (Answer(200, b'{"data": {"items": [1e999]}}'), "a number that JSON cannot say"),
        (Answer(200, b"[" * 100_000), "is not JSON"),
        (Answer(403, b"no key"), "answered 403: no key"),
    ],
)
def test_what_is_no_such_api_is_said_so(answer: Answer, message: str, site: Sites) -> None:
    with pytest.raises((Discard, OutboundFailed), match=message):
        attempts(site(lambda asked: answer)).run()


def test_the_next_page_must_be_on_the_same_site(site: Sites) -> None:
    other = site(api)
    server = site(lambda asked: Answer(200, {"data": {"items": [1]}, "next": f"{other.url}/items"}))
    with pytest.raises(Discard, match="another site"):
        attempts(server, style="cursor", headers={"X-Key": "k"}).run()
    assert other.asked == []
    assert server.asked[0].headers["X-Key"] == "k"


def test_a_page_that_names_itself_as_the_next_ends_the_job(site: Sites) -> None:
    server = site(lambda asked: Answer(200, {"data": {"items": [1]}, "next": "/items"}))
    with pytest.raises(Discard, match="names itself"):
        attempts(server, style="cursor").run()


def test_lines_are_plain_ascii_so_that_every_reader_agrees_where_they_end(site: Sites) -> None:
    result = attempts(site(api), last_page=1).run()
    raw = files.get(result["file"]).read()
    assert raw.isascii()
    assert len(raw.decode().splitlines()) == PER_PAGE
    surrogate = attempts(site(lambda asked: Answer(200, b'{"data": {"items": ["\\ud800"]}}')), last_page=1).run()
    assert files.get(surrogate["file"]).read() == b'"\\ud800"\n'


def test_a_file_that_grows_too_large_ends_the_job_and_leaves_no_place_to_go_on(outward: Settings, site: Sites) -> None:
    small = {"NIGHTSHIFT_ENV": "test", "file_max_bytes": 1024}
    use_settings(Settings.model_validate(outward.model_dump() | small))
    job = attempts(site(api))
    with pytest.raises(FileTooLarge) as caught:
        job.run()
    assert not find("imports.pages").retry.wants(caught.value)
    assert json.loads(job.fields["checkpoint"]) is None


def test_an_import_whose_file_has_expired_starts_again(site: Sites) -> None:
    job = attempts(site(failing((8, Answer(400)))))
    with pytest.raises(Discard):
        job.run()
    files.delete(job.artifacts["pages.ndjson"])
    assert lines_of(job.run()["file"]) == EXPECTED


def test_progress_is_told(site: Sites) -> None:
    job = attempts(site(api), last_page=LAST)
    job.run()
    told = json.loads(job.fields["progress"])
    assert (told["done"], told["total"], told["note"]) == (LAST, LAST, "60 lines")


def test_an_address_inside_is_refused_for_good(outward: Settings, site: Sites) -> None:
    server = site(api)
    use_settings(Settings.model_validate(outward.model_dump() | {"NIGHTSHIFT_ENV": "test", "outbound_allow": ()}))
    with pytest.raises(OutboundRefused) as caught:
        attempts(server).run()
    assert not find("imports.pages").retry.wants(caught.value)
    assert server.asked == []


def test_it_is_enqueued_like_any_other_task(site: Sites, inline: Inline) -> None:
    job = enqueue(pages, f"{site(api).url}/items", items="/data/items", rate=100)
    assert lines_of(inline.artifacts(job.id)["pages.ndjson"].id) == EXPECTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "file:///etc/passwd"},
        {"items": "data"},
        {"rate": 0},
        {"concurrency": 99},
        {"style": "x"},
        {"page_param": "a&b"},
    ],
)
def test_wrong_arguments_are_refused_before_a_job_exists(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArguments):
        find("imports.pages").validate({"url": "https://example.com/"} | wrong)
