"""Times, lengths and sizes in few words, and how people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from jobs.settings import current_settings

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")


class Length(click.ParamType[float]):
    """A length of time such as 90, 45s, 5m, 2h30m or 7d; gives seconds."""

    name = "length"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """As the help shows it."""
        return "LENGTH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; a usage error when it is none."""
        if isinstance(value, int | float):
            return float(value)
        seconds = seconds_of(str(value))
        if seconds is None:
            self.fail(f"{value!r} is not a length of time: write 90, 45s, 5m, 2h30m or 7d", param, ctx)
        return seconds


class Moment(click.ParamType[datetime]):
    """A date and time in ISO 8601; without an offset it is on the wall clock of TIMEZONE."""

    name = "time"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """As the help shows it."""
        return "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it; a usage error when it is none."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time: write 2026-11-21T17:00 or 2026-11-21T17:00+01:00", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=current_settings().zone)


def seconds_of(text: str) -> float | None:
    """The seconds in such as `2h30m`; None when it is no length of time."""
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip() or any(not unit for _, unit in parts[:-1]):
        return None
    return sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)


def span(seconds: float | None) -> str:
    """Such as 0.3 s, 42 s, 5 m 3 s, 2 h 10 m or 3 d 4 h; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    for unit, size, smaller, least in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            number, rest = divmod(whole, size)
            return f"{number} {unit} {rest // least} {smaller}" if rest // least else f"{number} {unit}"
    return f"{whole} s"


def ago(moment: datetime | None, now: datetime) -> str:
    """Such as `5 m 3 s ago` or `in 2 h 0 m`."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def at(moment: datetime | None) -> str:
    """A moment on the wall clock of TIMEZONE."""
    return f"{moment.astimezone(current_settings().zone):%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def size(count: int) -> str:
    """Such as 512 B, 64.0 KB or 1.2 GB."""
    amount = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1024 or unit == "GB":
            break
        amount /= 1024
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


def many(count: int, noun: str) -> str:
    """Such as `1 job` or `2,000 jobs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def now() -> datetime:
    """The present, for entry points; everything else is given it."""
    return datetime.now(UTC)


def later(seconds: float) -> datetime:
    """A moment that many seconds from now."""
    return now() + timedelta(seconds=seconds)
