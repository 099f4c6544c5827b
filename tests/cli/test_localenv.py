"""The variables of a local run."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cli.localenv import environment, server_address


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / ".data"
    folder.mkdir()
    return folder


def test_secrets_are_made_once_and_kept_for_this_user_only(tmp_path: Path, data: Path) -> None:
    first = environment(tmp_path, data, port=8000, given={})
    second = environment(tmp_path, data, port=8000, given={})
    assert first == second
    assert all(len(first[name]) >= 16 for name in ("SECRET_KEY", "ADMIN_PASSWORD", "API_TOKEN"))
    assert stat.S_IMODE((data / "secrets.json").stat().st_mode) == 0o600


def test_a_secret_that_is_new_joins_the_kept_ones(tmp_path: Path, data: Path) -> None:
    (data / "secrets.json").write_text('{"API_TOKEN": "kept from an older release"}')
    made = environment(tmp_path, data, port=8000, given={})
    assert made["API_TOKEN"] == "kept from an older release"
    assert environment(tmp_path, data, port=8000, given={})["SECRET_KEY"] == made["SECRET_KEY"]


def test_the_environment_wins_over_the_dotenv_file_and_that_over_the_defaults(tmp_path: Path, data: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=debug\nLOG_FORMAT=json\n# a comment\nTIMEZONE='Europe/Berlin'\n")
    variables = environment(tmp_path, data, port=8000, given={"LOG_LEVEL": "error"})
    assert (variables["LOG_LEVEL"], variables["LOG_FORMAT"]) == ("error", "json")
    assert (variables["TIMEZONE"], variables["NIGHTSHIFT_ENV"]) == ("Europe/Berlin", "development")


def test_nothing_is_offered_to_the_network(tmp_path: Path, data: Path) -> None:
    assert environment(tmp_path, data, port=8000, given={})["HOST"] == "127.0.0.1"


def test_a_short_path_keeps_the_socket_with_the_data() -> None:
    assert server_address(Path("/home/ada/nightshift/.data")) == Path("/home/ada/nightshift/.data/redis.sock")


def test_a_long_path_gets_a_private_folder_of_its_own() -> None:
    first, second = (server_address(Path("/home") / ("x" * 90) / name / ".data") for name in ("one", "two"))
    try:
        assert first.parent != second.parent
        assert len(os.fsencode(first)) < 100
        assert stat.S_IMODE(first.parent.stat().st_mode) == 0o700
    finally:
        first.parent.rmdir()
        second.parent.rmdir()
