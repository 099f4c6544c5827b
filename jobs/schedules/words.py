"""A rule in plain words."""

from __future__ import annotations

from cronsim import CronSim

from .definitions import Definition
from .rules import Cron, Every, Once
from .ticks import _EPOCH

_UNITS = (("week", 604_800_000), ("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000))


def in_words(definition: Definition) -> str:
    """Such as `every 5 minutes` or `at 17:00 from Monday through Friday, Europe/Berlin time`."""
    match definition.rule:
        case Every() as rule:
            shifted = f", {_length(rule.phase)} after the full interval" if rule.phase else ""
            length = _length(rule.period)
            return f"every {length if ' ' in length.removeprefix('1 ') else length.removeprefix('1 ')}{shifted}"
        case Cron() as rule:
            said = CronSim(rule.text, _EPOCH).explain()
            return f"{said[0].lower()}{said[1:]}, {definition.timezone} time"
        case Once(at):
            return f"once, on {definition.local(at):%A %d %B %Y at %H:%M:%S}, {definition.timezone} time"


def spec(definition: Definition) -> str:
    """The rule as it was written: `every 300 s`, `0 17 * * MON-FRI` or an ISO 8601 time."""
    match definition.rule:
        case Every() as rule:
            return f"every {rule.period / 1000:g} s"
        case Cron() as rule:
            return rule.text
        case Once(at):
            return definition.local(at).isoformat()


def _length(milliseconds: int) -> str:
    """The largest unit that fits exactly, or several."""
    parts = []
    for unit, size in _UNITS:
        number, milliseconds = divmod(milliseconds, size)
        if number:
            parts.append(f"{number} {unit}{'s' if number > 1 else ''}")
    if milliseconds:
        parts.append(f"{milliseconds} milliseconds")
    return " ".join(parts) or "0 seconds"
