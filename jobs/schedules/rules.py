"""When a schedule fires: every so often, by a crontab line, or once. Instants are milliseconds since 1970, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = ("month", "day", "day_of_week", "hour", "minute", "second")
_CRONTAB = ("second", "minute", "hour", "day", "month", "day_of_week")
_LEAST = {"month": "1", "day": "1", "day_of_week": "*", "hour": "0", "minute": "0", "second": "0"}
_LEAST_PERIOD = 1_000
_LONGEST_PERIOD = 3_660 * 86_400_000


@dataclass(frozen=True, slots=True)
class Every:
    """Fires at `phase + n * period`: counted from 1970, so no restart, deploy or failover moves it."""

    period: int
    phase: int

    def __post_init__(self) -> None:
        if not _LEAST_PERIOD <= self.period <= _LONGEST_PERIOD:
            raise ValueError("the interval must be one second to ten years")
        if not 0 <= self.phase < self.period:
            raise ValueError("the phase must be at least 0 and shorter than the interval")


@dataclass(frozen=True, slots=True)
class Cron:
    """Fires when the wall clock of a time zone fits a crontab line of five fields, or six with seconds first."""

    text: str
    zone: ZoneInfo

    def __post_init__(self) -> None:
        try:
            CronSim(self.text, datetime(2026, 1, 1)).advance()  # noqa: DTZ001 - the wall clock of any zone
        except CronSimError as error:
            raise ValueError(f"crontab {self.text!r}: {str(error).lower()}") from None
        except StopIteration:
            raise ValueError(f"crontab {self.text!r} fits no date in the next 50 years") from None

    @property
    def fixed(self) -> bool:
        """Whether it names times of day, which must happen once a day even when the clocks change."""
        minute, hour = self.text.split()[-5:-3]
        return not minute.startswith("*") and not hour.startswith("*")


@dataclass(frozen=True, slots=True)
class Once:
    """Fires at one instant."""

    at: int


Rule = Every | Cron | Once


def milliseconds(moment: datetime) -> int:
    """An aware datetime as an instant."""
    return round(moment.timestamp() * 1000)


def period(seconds: float | timedelta) -> int:
    """A length of time in milliseconds."""
    return round((seconds.total_seconds() if isinstance(seconds, timedelta) else seconds) * 1000)


@lru_cache(maxsize=4096)
def crontab(text: str) -> str:
    """A crontab line as cronsim takes it: nicknames spelled out, and Sunday at the end of a range as day 7."""
    plain = " ".join(_NICKNAMES.get(text.strip().lower(), text).upper().split())
    return plain.replace("-SUN", "-7")


def crontab_of(fields: Mapping[str, str | int]) -> str:
    """The article's keywords as a crontab line: what is finer than the finest one given starts at its least value.

    `hour=17` is 17:00:00 of each day, `day_of_week="mon-fri", hour=17` the same from Monday to Friday.
    Raises ValueError for a keyword that the two styles understand differently.
    """
    _refuse_ambiguous(fields)
    finest = max(_FIELDS.index(name) for name in fields)
    whole = {name: "*" if at < finest else _LEAST[name] for at, name in enumerate(_FIELDS)}
    whole |= {name: _field(name, value) for name, value in fields.items()}
    parts = [whole[name] for name in _CRONTAB]
    return " ".join(parts[1:] if parts[0] == "0" else parts)


def _field(name: str, value: str | int) -> str:
    text = str(value).replace(" ", "")
    return "L" if (name, text) == ("day", "last") else text


def _refuse_ambiguous(fields: Mapping[str, str | int]) -> None:
    weekday = str(fields.get("day_of_week", ""))
    if any(character.isdigit() for character in weekday.split("#")[0].split("/")[0]):
        raise ValueError("day_of_week takes names such as 'mon-fri': 0 is Monday to APScheduler and Sunday to crontab")
    if "day" in fields and "day_of_week" in fields:
        raise ValueError(
            "day and day_of_week together mean 'and' to APScheduler and 'or' to crontab: write a crontab line"
        )
