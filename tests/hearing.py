"""What is logged, for tests that ask."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jobs.logs import fields_of


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it as one mapping."""
        self.heard.append({**fields_of(record), "event": record.getMessage(), "exc_info": record.exc_info})


@contextmanager
def hearing() -> Iterator[list[dict[str, Any]]]:
    """Every event that is logged meanwhile, of whatever level, with its fields."""
    root, ear = logging.getLogger(), _Ear()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield ear.heard
    finally:
        root.setLevel(level)
        root.removeHandler(ear)
