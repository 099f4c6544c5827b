"""What a task prints, as lines of the log: whoever reads the log as JSON must not meet other text in it."""

from __future__ import annotations

import io
import sys
from threading import local
from typing import Any, TextIO

from . import logs
from .settings import Settings

log = logs.get_logger("print")


def capture(settings: Settings) -> None:
    """From now on each line that this process prints is an event of the log, if programs read that."""
    if logs.is_json(settings):
        sys.stdout = _Lines(sys.stdout)


class _Lines(io.TextIOBase):
    """Passes on whole lines; each thread has its own, because print writes text and line end separately."""

    def __init__(self, original: TextIO) -> None:
        self._original = original
        self._begun = local()

    @property
    def buffer(self) -> Any:
        """Bytes go out as they are."""
        return self._original.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream below."""
        return self._original.encoding

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """For programs that a task starts with this as their output."""
        return self._original.fileno()

    def write(self, text: str) -> int:
        """Take text; a line goes to the log when it ends."""
        *lines, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        for line in filter(None, lines):
            log.info("Printed", text=line)
        return len(text)

    def flush(self) -> None:
        """What the stream below holds; a line that has not ended waits for its end."""
        self._original.flush()
