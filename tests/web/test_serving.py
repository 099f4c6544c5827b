"""Kept connections: more of them than threads, pipelined requests, and their share of the processes."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.web import site
from web.pacing import Answering
from web.sharing import Shares

REQUEST = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    port = site.free_port()
    url = f"http://127.0.0.1:{port}"
    web = site.start_web(port, "unix:///nowhere/redis.sock", WEB_THREADS="2", WEB_CONCURRENCY="2")
    try:
        site.wait_until_live(url, web)
        yield urlsplit(url).hostname or "", port
    finally:
        web.terminate()
        web.wait(40)


@pytest.mark.processes
def test_more_kept_connections_than_threads_are_all_answered_in_turn(address: tuple[str, int]) -> None:
    clients = [socket.create_connection(address, timeout=5) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda client: [_answer(client) for _ in range(20)], clients)
        assert {status for of_one in answers for status in of_one} == {b"HTTP/1.1 200 OK"}
    for client in clients:
        client.close()


@pytest.mark.processes
def test_pipelined_requests_are_answered_one_after_the_other(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(REQUEST * 3)
        seen = b""
        while seen.count(b'{"status":"live"}') < 3:
            seen += client.recv(65536)
    assert seen.count(b"HTTP/1.1 200 OK") == 3


def _answer(client: socket.socket) -> bytes:
    client.sendall(REQUEST)
    seen = b""
    while not seen.endswith(b'{"status":"live"}'):
        seen += client.recv(65536)
    return seen.split(b"\r\n")[0]


def test_the_head_of_an_answer_goes_out_with_its_body() -> None:
    ours, client = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, client:
        answering = Answering(ours)
        for piece in (b"head ", b"body", b"more"):
            answering.sendall(piece)
        assert [client.recv(100) for _ in range(2)] == [b"head body", b"more"]
        alone = Answering(ours)
        alone.sendall(b"no body")
        alone.flush()
        assert client.recv(100) == b"no body"


def test_a_client_who_takes_nothing_of_an_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.pacing.IDLE_SECONDS", 0.1)
    ours, client = socket.socketpair()
    with ours, client:
        answering = Answering(ours)
        answering.sendall(b"head")
        with pytest.raises(TimeoutError):
            answering.sendall(b"x" * 50_000_000)


def test_a_process_hesitates_only_while_another_that_lives_has_fewer_connections() -> None:
    shares = Shares()
    assert not shares.another_has_fewer(5, now=100.0)
    shares.note(1, 3, now=100.0)
    shares.note(2, 5, now=100.0)
    assert shares.another_has_fewer(5, now=100.5)
    assert not shares.another_has_fewer(3, now=100.5)
    assert not shares.another_has_fewer(5, now=104.0), "it is dead or hangs"
