"""Instants as text, which records and lines of the log have many of."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def written(second: int, microsecond: int) -> str:
    """An instant as ISO 8601 has it in UTC, with microseconds; `isoformat` takes three times as long."""
    return f"{_second(second)}.{microsecond:06}Z"


@lru_cache(maxsize=16)  # many are written in each second, and to the second they look alike
def _second(since: int) -> str:
    return datetime.fromtimestamp(since, UTC).isoformat()[:-6]
