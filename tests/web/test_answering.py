"""One connection, one thread: what becomes of an answer when the app or the client gives up."""

import logging
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from gunicorn.config import Config

from web.answering import Answering
from web.connections import Connection
from web.pacing import Deadlines

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Start = Callable[[str, list[tuple[str, str]]], Any]


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname(), timeout=5)
    ours, address = listener.accept()
    with listener, client, ours:
        yield Connection(ours, (address, listener.getsockname()), Config(), Deadlines()), client


def _serve(connection: Connection, app: Callable[[dict[str, Any], Start], Iterable[bytes]]) -> bool:
    return Answering(app, Config(), logging.getLogger("gunicorn.error"), lambda: True).serve(connection)


def _breaks_off(_: dict[str, Any], start: Start) -> Iterator[bytes]:
    start("200 OK", [("Content-Length", "10")])
    yield b"begun"
    raise ValueError("no more")


def test_an_answer_that_breaks_off_is_logged_and_ends_the_connection(
    ends: tuple[Connection, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    connection, client = ends
    client.sendall(REQUEST)
    _serve(connection, _breaks_off)
    assert b"".join(iter(lambda: client.recv(4096), b"")).endswith(b"\r\n\r\nbegun")
    assert [record.message for record in caplog.records] == ["an answer broke off"]
    assert connection.is_leaving


def test_an_app_that_fails_before_it_answers_is_a_problem_document(ends: tuple[Connection, socket.socket]) -> None:
    def fails(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("X-A", "a\r\nEvil: b")])
        return [b"never"]

    connection, client = ends
    client.sendall(REQUEST)
    _serve(connection, fails)
    answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"Evil" not in answer


def test_a_client_who_goes_away_is_nobodys_error(
    ends: tuple[Connection, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    connection, client = ends
    client.sendall(REQUEST * 3)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def streams(_: dict[str, Any], start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        client.close()  # with a reset
        while True:
            yield b"x" * 65536

    assert not _serve(connection, streams)
    assert not caplog.records


def test_what_came_together_is_answered_in_order(ends: tuple[Connection, socket.socket]) -> None:
    def echoes(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "2")])
        return [environ["PATH_INFO"].encode()]

    connection, client = ends
    client.sendall(b"".join(REQUEST.replace(b"/ ", b"/%d " % number) for number in range(5)))
    for number in range(5):
        assert connection.has_more() == (number > 0)
        assert _serve(connection, echoes)
    assert not connection.has_more()
    seen = b""
    while seen.count(b"HTTP/1.1 200 OK") < 5 or not seen.endswith(b"/4"):
        seen += client.recv(65536)
    assert [part[:2] for part in seen.split(b"\r\n\r\n")[1:]] == [b"/0", b"/1", b"/2", b"/3", b"/4"]


def test_what_follows_an_answer_begins_when_it_has_been_sent(ends: tuple[Connection, socket.socket]) -> None:
    connection, client = ends
    client.sendall(REQUEST)
    seen = list[bytes]()

    class NoBody:
        def __iter__(self) -> Iterator[bytes]:
            return iter(())

        def close(self) -> None:
            seen.append(client.recv(4096))

    def answers(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("204 NO CONTENT", [])
        return NoBody()

    assert _serve(connection, answers)
    assert seen[0].startswith(b"HTTP/1.1 204 NO CONTENT")


def test_chunks_that_are_none_and_that_nobody_read_get_no_second_answer(ends: tuple[Connection, socket.socket]) -> None:
    def takes_no_body(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    connection, client = ends
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n")
    _serve(connection, takes_no_body)
    assert b"".join(iter(lambda: client.recv(4096), b"")).count(b"HTTP/1.1") == 1
