"""Who is served when: everybody in turn, whatever others do."""

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from gunicorn.config import Config

from web.clients import Clients
from web.connections import Connection
from web.pacing import Deadlines

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setblocking(False)
        yield door


@pytest.fixture
def clients(listener: socket.socket) -> Iterator[Clients]:
    config = Config()
    config.set("keepalive", 60)
    clients = Clients([listener], config, Deadlines())
    yield clients
    for connection in clients.connections:
        connection.close()
    for its_own in (clients._bell, clients._rope):
        its_own.close()
    clients._poller.close()


def _connect(listener: socket.socket, says: bytes = b"") -> socket.socket:
    client = socket.create_connection(listener.getsockname(), timeout=5)
    client.sendall(says)
    return client


def _serve(clients: Clients, connection: Connection) -> Connection:
    """As if it were answered."""
    connection.next_request()
    clients.settle(connection, stays=connection.finish_request())
    return connection


def _next(clients: Clients) -> Connection:
    while (found := clients.next_ready(lambda: False)) is None:
        pass
    return found


def test_who_sends_many_requests_at_once_is_served_in_turn_with_the_others(
    clients: Clients, listener: socket.socket
) -> None:
    with _connect(listener) as many, _connect(listener) as one:
        while len(clients.connections) < 2:
            clients.next_ready(lambda: False)
        many.sendall(REQUEST * 4)
        one.sendall(REQUEST)
        names = {many.getsockname(): "many", one.getsockname(): "one"}
        served = [names[_serve(clients, _next(clients)).client] for _ in range(5)]
    assert sorted(served[:2]) == ["many", "one"]
    assert served[2:] == ["many"] * 3


def test_a_new_one_is_let_in_although_another_process_has_fewer_and_does_not_come(
    clients: Clients, listener: socket.socket
) -> None:
    with _connect(listener, REQUEST * 50), _connect(listener):
        for _ in range(40):
            found = clients.next_ready(lambda: True)
            if found is not None:
                _serve(clients, found)
        assert len(clients.connections) == 2


def test_there_are_never_more_than_there_may_be(clients: Clients, listener: socket.socket) -> None:
    clients._cfg.set("worker_connections", 2)
    with _connect(listener) as first, _connect(listener), _connect(listener):
        named = first.getsockname()
        for _ in range(3):
            clients.next_ready(lambda: False)
        assert len(clients.connections) == 2
        clients.settle(next(one for one in clients.connections if one.client == named), stays=False)
        clients.next_ready(lambda: False)
        assert len(clients.connections) == 2, "the third has come in its place"


def test_a_process_without_files_left_goes_on_with_those_it_has(clients: Clients, listener: socket.socket) -> None:
    with _connect(listener, REQUEST) as known:
        while not clients.connections:
            clients.next_ready(lambda: False)
        with _connect(listener, REQUEST):
            with _no_files_left():
                assert _serve(clients, _next(clients)).client == known.getsockname()
                assert clients.next_ready(lambda: False) is None
                assert len(clients.connections) == 1
            until = time.monotonic() + 5
            while len(clients.connections) < 2 and time.monotonic() < until:
                clients.next_ready(lambda: False)
        assert len(clients.connections) == 2, "there are files again"


@contextmanager
def _no_files_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = list[int]()
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (max(int(file.name) for file in Path("/proc/self/fd").iterdir()) + 1, hard)
    )
    try:
        with suppress(OSError):
            while True:
                opened.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for file in opened:
            os.close(file)


def test_who_says_nothing_is_sent_away(clients: Clients, listener: socket.socket) -> None:
    clients._cfg.set("keepalive", 1)
    with _connect(listener) as silent:
        silent.settimeout(0)
        for _ in range(10):
            assert clients.next_ready(lambda: False) is None
            if not clients.connections and _has_ended(silent):
                return
    raise AssertionError("it is still connected")


def _has_ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
