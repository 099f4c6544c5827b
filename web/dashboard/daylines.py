"""A day of a schedule on one line: twelve hours of what became of its ticks, and twelve hours of those to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.schedules import ScheduleView, TickView, next_ticks

HALF = timedelta(hours=12)
_MARKS, _WIDTH, _GRAIN = 150, 100, 4
_DENSE = 60
_WORDS = {"good": "went well", "bad": "failed or missed", "warn": "skipped or stopped", "run": "at work"}


@dataclass(frozen=True, slots=True)
class DayLine:
    """Paths in a box of 100 by 14 units, the present in the middle: one for each colour of the past, one to come."""

    past: Mapping[str, str]
    coming: str
    dense: bool
    words: str


def line(
    schedule: ScheduleView, history: Sequence[TickView], now: datetime, tone_of: Callable[[str, str | None], str]
) -> DayLine:
    """The line of one schedule; `tone_of` gives the colour of a tick from its outcome and that of its job."""
    past: dict[str, list[str]] = defaultdict(list)
    for tick in history:
        if tick.tick is not None and tick.kind in ("tick", "missed"):
            past[tone_of(tick.outcome, tick.job_outcome)].append(_mark(tick, now))
    coming = _coming(schedule, now)
    said = [f"{len(marks)} {_WORDS.get(tone, 'decided')}" for tone, marks in past.items()]
    words = ", ".join([*said, f"{len(coming)} to come" if len(coming) < _DENSE else "many to come"])
    return DayLine(
        {tone: "".join(dict.fromkeys(marks)) for tone, marks in past.items()},
        "".join(f"M{place:g} 2v11" for place in coming),
        len(coming) > _DENSE,
        words,
    )


def _mark(tick: TickView, now: datetime) -> str:
    """A tick is a stroke; a range of missed ones a bar from the first to the last."""
    assert tick.tick is not None
    end = _place(tick.tick, now)
    return f"M{_place(tick.first, now):g} 7.5H{end:g}M{end:g} 2v11" if tick.first else f"M{end:g} 2v11"


def _coming(schedule: ScheduleView, now: datetime) -> list[float]:
    """Where the next ticks stand; a busy schedule is drawn at a coarse grain."""
    if schedule.definition is None or not schedule.next_ticks:
        return []
    ticks = next_ticks(schedule.definition, _MARKS, now)
    if len(ticks) == _MARKS and ticks[-1] - now < HALF:
        return [place / 2 for place in range(_WIDTH, 2 * _WIDTH)]
    return sorted({_place(tick, now) for tick in ticks if tick - now < HALF})


def _place(at: datetime, now: datetime) -> float:
    share = (at - now) / (2 * HALF) + 0.5
    return round(min(max(share, 0), 1) * _WIDTH * _GRAIN) / _GRAIN
