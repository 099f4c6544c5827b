"""Fixtures every room shares: one real server for the session, a clean client and settings for each test."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli import server

if TYPE_CHECKING:
    from redis import Redis

    from jobs.settings import Settings


def pytest_addoption(parser: pytest.Parser) -> None:
    """Tests of many minutes run when they are asked for."""
    parser.addoption("--long", action="store_true", help="run the tests marked `long` as well")


def pytest_configure() -> None:
    """The settings of this machine, such as a mail server that sends real mail, are not those of the tests."""
    from jobs.settings import Settings

    for name in ("NIGHTSHIFT_ENV", *Settings.model_fields):
        os.environ.pop(name.upper(), None)
    os.environ["NIGHTSHIFT_ENV"] = "test"  # so that inline mode works in a test that takes no fixture


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that uses the server is marked so, whether its author remembered or not; long ones are left out."""
    if not config.getoption("long"):
        items[:] = [item for item in items if item.get_closest_marker("long") is None]
    for item in items:
        if {"redis", "redis_url"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("server")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """One server for the whole session, on a unix socket; nothing of it is left behind."""
    # A short folder of its own: pytest's temporary paths may exceed what a socket address can hold (about 100 bytes).
    with tempfile.TemporaryDirectory(prefix="nightshift-") as name:
        folder, address = Path(name), Path(name, "redis.sock")
        process = server.start(server.find_binary(), address=address, folder=folder, durable=False)
        try:
            server.wait_until_ready(process, address=address, folder=folder)
            yield server.url_of(address)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a test, in use for its duration; with the server's address when the test uses `redis`."""
    from jobs.settings import Settings, use_settings

    needs_server = request.node.get_closest_marker("server") or {"redis", "redis_url"} & set(request.fixturenames)
    values: dict[str, object] = {
        "NIGHTSHIFT_ENV": "test",
        "data_dir": tmp_path / "data",
        "redis_url": request.getfixturevalue("redis_url") if needs_server else "unix:///nowhere/redis.sock",
        "secret_key": "a secret key that only tests use",
        "admin_password": "an admin password of tests",
        "api_token": "an api token that only tests use",
    }
    chosen = Settings(**values)  # type: ignore[arg-type]  # pydantic checks them
    use_settings(chosen)
    yield chosen
    use_settings(None)


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """A client to an empty server, also in place as the process' own client."""
    from jobs.connection import connect, use_client

    client = connect(settings)
    client.flushall()
    use_client(client)
    yield client
    use_client(None)
    client.close()
