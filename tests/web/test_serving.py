"""Kept connections: more of them than threads, pipelined requests, and their share of the processes."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.web import site
from web.pacing import Deadlines, Line
from web.sharing import Shares

REQUEST = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
LIVE = b'{"status":"live"}'
HALF_A_BODY = (
    f"POST /api/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.TOKEN}\r\nContent-Length: 1000\r\n\r\nabc"
).encode()


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with _web(WEB_THREADS="2", WEB_CONCURRENCY="2") as (port, web):
        yield "127.0.0.1", port
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
        while seen.count(LIVE) < 3:
            seen += client.recv(65536)
    assert seen.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.processes
def test_who_says_close_gets_the_whole_answer_and_then_the_end(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(REQUEST.replace(b"Host", b"Connection: close\r\nHost"))
        seen = _everything(client)
    assert seen.startswith(b"HTTP/1.1 200 OK")
    assert b"\r\nConnection: close\r\n" in seen
    assert seen.endswith(LIVE)


@pytest.mark.processes
def test_clients_who_take_nothing_of_their_answers_keep_no_other_waiting(address: tuple[str, int]) -> None:
    """More answers than the system keeps for a client: the thread has to wait for it."""
    greedy = [socket.create_connection(address, timeout=5) for _ in range(2)]
    try:
        for client in greedy:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(REQUEST.replace(b"/livez", b"/api/v1/openapi.json") * 40)
        began = time.monotonic()
        with socket.create_connection(address, timeout=5) as quick:
            assert _answer(quick) == b"HTTP/1.1 200 OK"
        assert time.monotonic() - began < 2
    finally:
        for client in greedy:
            client.close()


@pytest.mark.processes
def test_a_proxy_is_believed_only_when_told_so_and_the_server_is_not_named(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(REQUEST.replace(b"Host", b"Connection: close\r\nX-Forwarded-Proto: https\r\nHost"))
        head = _everything(client).lower()
    assert b"strict-transport-security" not in head, "that is for answers over https"
    assert b"\r\nserver:" not in head


@pytest.mark.processes
def test_a_request_that_comes_while_the_process_stops_is_still_answered() -> None:
    with _web() as (port, web):
        with _client(port) as client:
            assert _answer(client) == b"HTTP/1.1 200 OK"
            web.terminate()
            _wait_until_refused(port)
            client.sendall(REQUEST)
            seen = _everything(client)
        assert b"\r\nConnection: close\r\n" in seen
        assert web.wait(5) == 0


@pytest.mark.processes
def test_a_process_that_stops_answers_those_who_wait_at_its_door() -> None:
    with _web() as (port, web):
        serving = int(Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()[0])
        os.kill(serving, signal.SIGSTOP)
        clients = [_client(port, REQUEST) for _ in range(5)]
        web.terminate()
        _wait_until_told_to_stop(serving)
        os.kill(serving, signal.SIGCONT)
        for client in clients:
            with client:
                assert _everything(client).endswith(LIVE)
        assert web.wait(20) == 0


@pytest.mark.processes
def test_a_process_that_is_told_to_stop_while_all_threads_wait_answers_those_behind_them() -> None:
    with _web(WEB_THREADS="2") as (port, web):
        kept = [_client(port) for _ in range(2)]
        assert {_answer(client) for client in kept} == {b"HTTP/1.1 200 OK"}
        slow = [_client(port, HALF_A_BODY) for _ in range(2)]
        time.sleep(0.5)  # both threads wait for the rest
        for client in kept:
            client.sendall(REQUEST)
        waiting = [*kept, *(_client(port, REQUEST) for _ in range(2))]
        web.terminate()
        time.sleep(2.5)  # longer than silent connections are kept
        for client in slow:
            client.close()
        for client in waiting:
            with client:
                assert _everything(client).endswith(LIVE)
        assert web.wait(20) == 0


@contextmanager
def _web(**settings: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """One that the test stops by itself."""
    port = site.free_port()
    web = site.start_web(port, "unix:///nowhere/redis.sock", **settings)
    try:
        site.wait_until_live(f"http://127.0.0.1:{port}", web)
        yield port, web
    finally:
        web.kill()
        web.wait(10)


def _client(port: int, says: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(says)
    return client


def _wait_until_told_to_stop(pid: int) -> None:
    """The signal waits, as the process stands still."""
    deadline, told = time.monotonic() + 5, 1 << (signal.SIGTERM - 1)
    while time.monotonic() < deadline:
        fields = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        if int(fields["ShdPnd"], 16) & told:
            return
        time.sleep(0.02)
    raise AssertionError("gunicorn did not tell its process to stop")


def _wait_until_refused(port: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("it still accepts connections")


def _everything(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def _answer(client: socket.socket) -> bytes:
    client.sendall(REQUEST)
    seen = b""
    while not seen.endswith(LIVE):
        seen += client.recv(65536)
    return seen.split(b"\r\n")[0]


def test_the_head_of_an_answer_goes_out_with_its_body() -> None:
    ours, client = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, client:
        line = Line(ours, Deadlines())
        for piece in (b"head ", b"body", b"more"):
            line.sendall(piece)
        assert [client.recv(100) for _ in range(2)] == [b"head body", b"more"]
        line.begin_request()
        line.sendall(b"no body")
        line.flush()
        assert client.recv(100) == b"no body"


def test_a_client_who_takes_nothing_of_an_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.pacing.IDLE_SECONDS", 0.1)
    ours, client = socket.socketpair()
    with ours, client:
        line = Line(ours, Deadlines())
        line.sendall(b"head")
        with pytest.raises(TimeoutError):
            line.sendall(b"x" * 50_000_000)


def test_a_process_hesitates_only_while_another_that_lives_has_fewer_connections() -> None:
    shares = Shares()
    assert not shares.another_has_fewer(5, now=100.0)
    shares.note(1, 3, now=100.0)
    shares.note(2, 5, now=100.0)
    assert shares.another_has_fewer(5, now=100.5)
    assert not shares.another_has_fewer(3, now=100.5)
    assert not shares.another_has_fewer(5, now=104.0), "it is dead or hangs"
