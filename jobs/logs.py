"""Logs: one event, one line on stdout; readable in a terminal, JSON elsewhere.

An event is a record of the standard library with fields beside its message, so lines of libraries go the same way.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from threading import current_thread, get_ident
from typing import Any

from . import at_work, instants, scrubbing
from .harmless import harmless, is_harmless, names_secrets, spelled_out
from .settings import LogFormat, Settings

_CHATTY = ("rq", "apscheduler", "httpx", "httpcore", "werkzeug", "PIL")
_DIM, _BOLD, _RED, _GREEN, _YELLOW, _MAGENTA, _CYAN = 2, 1, 31, 32, 33, 35, 36
_COLORS = {"debug": _GREEN, "info": _GREEN, "warning": _YELLOW, "error": _RED, "critical": _RED}

_STARTED = time.time()

_encode = json.JSONEncoder(default=str).encode  # json.dumps would build an encoder for each line

_carried: ContextVar[Mapping[str, Any] | None] = ContextVar("what every line carries", default=None)


class Event(logging.LogRecord):
    """A line of ours: its message is the event, and its fields stand beside that.

    Of its file, its task and the name of its process it knows nothing: the library's own `__init__` looks them up,
    which takes longer than writing does. The rest is there for handlers and formats of others.
    """

    def __init__(
        self, logger: str, level: int, *, event: str, error: BaseException | None, fields: Mapping[str, Any]
    ) -> None:
        self.created = time.time()
        self.msecs = self.created % 1 * 1000
        self.relativeCreated = (self.created - _STARTED) * 1000
        self.name, self.levelno, self.levelname = logger, level, logging.getLevelName(level)
        self.msg, self.args, self.fields = event, (), fields
        self.exc_info = (type(error), error, error.__traceback__) if error else None
        self.exc_text = self.stack_info = None
        self.pathname = self.filename = self.module = self.funcName = ""
        self.lineno, self.processName, self.taskName = 0, None, None
        self.process, self.thread, self.threadName = os.getpid(), get_ident(), current_thread().name


class Logger:
    """Logs events with fields: `log.info("job finished", job_id=...)`; with `exc_info`, an exception, its traceback."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: Any) -> None:
        """For those who look for a fault."""
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """What happens in ordinary work."""
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """What a person may want to look at."""
        self._say(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """What a person must look at."""
        self._say(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """An error, with the exception that is being handled."""
        self._say(logging.ERROR, event, {**fields, "exc_info": sys.exc_info()[1]})

    def log(self, level: int, event: str, **fields: Any) -> None:
        """At a level of the standard library."""
        self._say(level, event, fields)

    def _say(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):  # what is not shown costs nothing more
            error = fields.pop("exc_info", None)
            self._logger.handle(Event(self._logger.name, level, event=event, error=error, fields=fields))


def get_logger(name: str) -> Logger:
    """The logger of a module."""
    return Logger(name)


def configure_logging(settings: Settings, process: str) -> None:
    """Send every log line of this process, libraries included, to stdout in the format of the settings."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_formatter(settings, process))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def is_json(settings: Settings) -> bool:
    """Whether the log's lines are for programs, and not for people."""
    if settings.log_format is LogFormat.AUTO:
        return not sys.stdout.isatty()
    return settings.log_format is LogFormat.JSON


def carry(**fields: Any) -> None:
    """From now on every line of this thread or coroutine carries these, too."""
    _carried.set({**carried(), **fields})


def carried() -> Mapping[str, Any]:
    """What every line of this thread or coroutine carries."""
    return _carried.get() or {}


def carry_only(**fields: Any) -> None:
    """Forget what the lines carried: from now on they carry these."""
    _carried.set(fields)


def fields_of(record: logging.LogRecord) -> Mapping[str, Any]:
    """What stands beside the message; nothing in a line of a library."""
    return record.fields if isinstance(record, Event) else {}


def _formatter(settings: Settings, process: str) -> logging.Formatter:
    secrets = scrubbing.of_settings(settings)
    return _ForPrograms(secrets, process) if is_json(settings) else _ForPeople(secrets, terminal=sys.stdout.isatty())


class _Harmless(logging.Formatter):
    """Hides secrets, and spells out what would end a line, move a terminal's cursor or turn text around."""

    def __init__(self, secrets: frozenset[str]) -> None:
        super().__init__()
        self._of_settings = secrets

    def _secrets(self) -> frozenset[str]:
        return self._of_settings | scrubbing.of_running()

    def _event(self, record: logging.LogRecord) -> dict[str, Any]:
        return harmless(_said(record), self._secrets())

    def _traceback(self, record: logging.LogRecord) -> str:
        """A plain one without secrets: a pretty one would print local variables, and with them secrets."""
        if not record.exc_info or record.exc_info[1] is None:
            return ""
        return scrubbing.without("".join(traceback.format_exception(record.exc_info[1])).rstrip(), self._secrets())


class _ForPrograms(_Harmless):
    """JSON, a traceback included."""

    def __init__(self, secrets: frozenset[str], process: str) -> None:
        super().__init__(secrets)
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """One object."""
        said, secrets = _said(record), self._secrets()
        if not record.exc_info and not names_secrets(tuple(said)):
            line = _encode(self._whole(said, record))
            if is_harmless(line, secrets):  # as most are; to look at text after text would take longer than all else
                return line
        event = self._whole(harmless(said, secrets), record)
        if found := self._traceback(record):
            event["exception"] = found
        return _encode(event)

    def _whole(self, said: Mapping[str, Any], record: logging.LogRecord) -> dict[str, Any]:
        at = instants.written(int(record.created), f"{int(record.created % 1 * 1e6):06}")
        event = {**said, "level": record.levelname.lower(), "at": at}
        event.setdefault("process", self._process)
        return event


class _ForPeople(_Harmless):
    """A terminal gets colors and a short time; a runner such as honcho puts time and process before each line."""

    def __init__(self, secrets: frozenset[str], *, terminal: bool) -> None:
        super().__init__(secrets)
        self._terminal = terminal

    def format(self, record: logging.LogRecord) -> str:
        """The event and its fields on one line, and a traceback below it.

        Its lines are indented, so that no message in it can pass for an event of its own.
        """
        event = self._event(record)
        words = [*self._head(record), self._painted(event.pop("event"), _BOLD)]
        for name, value in sorted(event.items()):
            words.append(f"{self._painted(name, _CYAN)}={self._painted(_shown(value), _MAGENTA)}")
        return "\n    ".join([" ".join(words), *map(spelled_out, self._traceback(record).splitlines())])

    def _head(self, record: logging.LogRecord) -> list[str]:
        name = record.levelname.lower()
        level = f"[{self._painted(name.ljust(9), _COLORS.get(name, _BOLD))}]"
        at = f"{datetime.fromtimestamp(record.created, UTC):%H:%M:%S}"
        return [self._painted(at, _DIM), level] if self._terminal else [level]

    def _painted(self, text: str, color: int) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._terminal else text


def _shown(value: Any) -> str:
    """Texts of one word stand as they are."""
    bare = isinstance(value, str) and not any(sign in value for sign in " \t='\"")
    return str(value) if bare else spelled_out(repr(value))


def _said(record: logging.LogRecord) -> dict[str, Any]:
    job = at_work.running()
    return {**(job.about() if job else {}), **carried(), **fields_of(record), "event": record.getMessage()}
