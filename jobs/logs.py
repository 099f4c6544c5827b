"""Logs: one event, one line on stdout; readable in a terminal, JSON elsewhere."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor, WrappedLogger

from . import at_work, scrubbing
from .redaction import HIDDEN, is_secret, redacted
from .settings import LogFormat, Settings

Logger = FilteringBoundLogger


class _Lines:
    """What writes our events: each as one line, at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write a line; that nobody reads it any more is no reason to fail."""
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass

    log = debug = info = warning = error = critical = msg


def configure_logging(settings: Settings, process: str) -> None:
    """Send every log line of this process, libraries included, to stdout in the format of the settings."""
    level, lines = settings.log_level.upper(), _Lines(sys.stdout)
    last = _last(settings, process)
    # Not by way of the standard library: its records are for its own formatter, and cost an event twice what it costs.
    structlog.configure(
        processors=[*_shared(), *last],
        logger_factory=lambda *_: lines,
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),  # what is not shown costs nothing more
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    only_there = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_shared(), processors=[only_there, *last])
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in ("rq", "apscheduler", "httpx", "httpcore", "werkzeug", "PIL"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def get_logger(name: str) -> Logger:
    """A logger; call it with an event and fields: `log.info("job finished", job_id=...)`."""
    return cast("Logger", structlog.get_logger(name))


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _name_job,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]


def _name_job(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    job = at_work.running()
    return {**job.about(), **event} if job else event


def _last(settings: Settings, process: str) -> list[Processor]:
    """What turns an event into a line."""

    def name_process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    secrets = scrubbing.of_settings(settings)
    return [name_process, _harmless_without(secrets), *_renderer(settings, secrets)]


def _harmless_without(secrets: frozenset[str]) -> Processor:
    """Hide secrets, and spell out what would end a line, move a terminal's cursor or turn text around."""

    def make_harmless(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        hidden = secrets | scrubbing.of_running()
        return {name: _harmless(name, value, hidden) for name, value in event.items()}

    return make_harmless


def _harmless(name: str, value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, str) and is_secret(name):
        return HIDDEN
    if isinstance(value, str):
        text = scrubbing.without(value, secrets)
        return text if text.isprintable() else "".join(map(_spelled_out, text))
    return scrubbing.scrubbed(redacted(value), secrets) if isinstance(value, (dict, list)) else value


def _spelled_out(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def is_json(settings: Settings) -> bool:
    """Whether the log's lines are for programs, and not for people."""
    if settings.log_format is LogFormat.AUTO:
        return not sys.stdout.isatty()
    return settings.log_format is LogFormat.JSON


def _renderer(settings: Settings, secrets: frozenset[str]) -> list[Processor]:
    if not is_json(settings):
        terminal = sys.stdout.isatty()
        return [_for_people(terminal), _console(terminal, secrets)]
    return [
        structlog.processors.ExceptionRenderer(_Tracebacks(secrets)),
        structlog.processors.JSONRenderer(default=str),
    ]


def _for_people(terminal: bool) -> Processor:
    """A runner such as honcho puts process and time before each line; a bare terminal gets a short time."""

    def shorten(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.pop("process", None)
        at = event.pop("at", "")
        return {"at": at[11:19], **event} if terminal else event

    return shorten


def _console(terminal: bool, secrets: frozenset[str]) -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=terminal, pad_event_to=0, timestamp_key="at", exception_formatter=_Tracebacks(secrets).print
    )


class _Tracebacks:
    """Plain tracebacks without secrets; the pretty ones would print local variables, and with them secrets."""

    def __init__(self, secrets: frozenset[str]) -> None:
        self._secrets = secrets

    def __call__(self, exc_info: ExcInfo) -> str:
        """As one text, which JSON puts on one line."""
        return scrubbing.without(
            "".join(traceback.format_exception(*exc_info)).rstrip(), self._secrets | scrubbing.of_running()
        )

    def print(self, to: TextIO, info: ExcInfo) -> None:
        """For people, below the event and indented, so that no message in it can pass for an event of its own."""
        for line in self(info).splitlines():
            to.write("\n    " + "".join(map(_spelled_out, line)))
