"""One event is one line, whatever is in it, and no secret is in any."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from jobs.logs import configure_logging, get_logger
from jobs.settings import LogFormat, Settings

FORMATS = pytest.mark.parametrize("format", [LogFormat.JSON, LogFormat.CONSOLE])
HOSTILE = [
    "a\r\nfake event",
    "\x1b[2J\x1b[31mred",
    "gpj.\u202eexe",
    "nul\x00",
    "sep\u2028arator",
    "bell\x07",
    "\x9b31m",
]


@contextmanager
def logging_in(settings: Settings, format: LogFormat) -> Iterator[structlog.stdlib.BoundLogger]:
    """Log in a format, and put everything back."""
    root = logging.getLogger()
    handlers, level, configuration = list(root.handlers), root.level, structlog.get_config()
    configure_logging(settings.model_copy(update={"log_format": format}), "tests")
    try:
        yield get_logger("tests")
    finally:
        root.handlers, root.level = handlers, level
        structlog.configure(**configuration)


@FORMATS
@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_logged_cannot_forge_a_line_or_move_the_cursor(
    settings: Settings, capsys: pytest.CaptureFixture[str], format: LogFormat, text: str
) -> None:
    with logging_in(settings, format) as log:
        log.warning(text, path=text)
        logging.getLogger("library").warning("said %s", text)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


@FORMATS
def test_secrets_are_hidden(settings: Settings, capsys: pytest.CaptureFixture[str], format: LogFormat) -> None:
    with logging_in(settings, format) as log:
        log.warning("called", password="canary", detail={"api_key": "canary", "user": "ada"}, token_count=3)
    line = capsys.readouterr().out
    assert "canary" not in line
    assert "ada" in line


def test_elsewhere_than_in_a_terminal_a_line_is_json(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with logging_in(settings, LogFormat.AUTO) as log:
        log.warning("said", number=1)
    assert json.loads(capsys.readouterr().out)["number"] == 1
