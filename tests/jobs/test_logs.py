"""One event is one line, whatever is in it, and no secret is in any."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from pydantic import SecretStr

from jobs.logs import Event, Logger, carry_only, configure_logging, get_logger
from jobs.settings import LogFormat, Settings
from tests.payloads import LOG_FORGING

FORMATS = pytest.mark.parametrize("format", [LogFormat.JSON, LogFormat.CONSOLE])


@contextmanager
def logging_in(settings: Settings, format: LogFormat) -> Iterator[Logger]:
    """Log in a format, and put everything back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure_logging(settings.model_copy(update={"log_format": format}), "tests")
    carry_only()  # what a request of a test before carried
    try:
        yield get_logger("tests")
    finally:
        root.handlers, root.level = handlers, level


@FORMATS
@pytest.mark.parametrize("text", LOG_FORGING)
def test_what_is_logged_cannot_forge_a_line_or_move_the_cursor(
    settings: Settings, capsys: pytest.CaptureFixture[str], format: LogFormat, text: str
) -> None:
    with logging_in(settings, format) as log:
        log.warning(text, path=text, more=[text, {"deep": text}])
        logging.getLogger("library").warning("said %s", text)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


@FORMATS
@pytest.mark.parametrize("text", LOG_FORGING)
def test_an_exception_cannot_pass_for_another_event(
    settings: Settings, capsys: pytest.CaptureFixture[str], format: LogFormat, text: str
) -> None:
    with logging_in(settings, format) as log:
        try:
            raise ValueError(text)
        except ValueError as error:
            log.error("failed", exc_info=error)
    first, *rest = capsys.readouterr().out.splitlines()
    assert "failed" in first
    assert all(line.isprintable() for line in (first, *rest))
    assert all(line.startswith("    ") for line in rest)
    assert not rest or format is LogFormat.CONSOLE


@FORMATS
def test_no_text_quotes_a_secret_of_the_settings(
    settings: Settings, capsys: pytest.CaptureFixture[str], format: LogFormat
) -> None:
    chosen = settings.model_copy(update={"smtp_url": SecretStr("smtp://me:pass%2Fcanary@mail.example")})
    with logging_in(chosen, format) as log:
        try:
            raise ValueError("535 pass/canary is wrong")
        except ValueError as error:
            log.error("mail: pass%2Fcanary", exc_info=error, addresses=["smtp://me:pass%2Fcanary@mail.example"])
    assert "canary" not in capsys.readouterr().out


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


@pytest.mark.parametrize("secret", ["canary", 'cana"ry', "cana\\ry", "canäry", "cana\try", "[canary]", "{canary}"])
def test_a_line_of_json_has_no_secret_in_whatever_way_json_spells_it(
    settings: Settings, capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    chosen, quoted = settings.model_copy(update={"webhook_secret": SecretStr(secret)}), f"said: {secret}"
    with logging_in(chosen, LogFormat.JSON) as log:
        log.warning("called", path=f"/{secret}", user="ada")
        log.warning(quoted, user="ada")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["path"], first["user"]) == ("/[hidden]", "ada")
    assert (second["event"], second["user"]) == ("said: [hidden]", "ada")


def test_a_line_of_json_says_all_that_is_known(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    before = time.time()
    with logging_in(settings, LogFormat.JSON) as log:
        log.warning("called", path="/a", size=3, share=0.5, note=None)
        log.warning("called", path="/ä", process="another", password="hidden", found={"secret": "x", "tags": ["y"]})
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert before - 0.001 <= datetime.fromisoformat(first.pop("at")).timestamp() <= time.time()
    common = {"event": "called", "level": "warning"}
    assert first == common | {"path": "/a", "size": 3, "share": 0.5, "note": None, "process": "tests"}
    hidden = {"password": "[hidden]", "found": {"secret": "[hidden]", "tags": ["y"]}}
    assert second == common | hidden | {"path": "/ä", "process": "another", "at": second["at"]}


def test_an_event_has_whatever_handlers_and_formats_of_others_look_for() -> None:
    event = Event("tests", logging.INFO, event="said 100%", error=None, fields={})
    ordinary = logging.LogRecord("tests", logging.INFO, "", 0, "said", (), None)
    assert vars(event).keys() >= vars(ordinary).keys()
    spelled = "%(asctime)s %(msecs)03d %(relativeCreated)d %(name)s %(levelname)s %(filename)s:%(lineno)d %(message)s"
    assert logging.Formatter(spelled).format(event).endswith(" tests INFO :0 said 100%")
    whose = logging.Formatter("%(process)d %(thread)d %(threadName)s")
    assert whose.format(event) == whose.format(ordinary)
