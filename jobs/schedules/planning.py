"""What is to be decided for a schedule now: which ticks run, and which are recorded as missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

from .rules import Once
from .store import Stored
from .ticks import count_ticks, last_ticks, next_tick, ticks_after

PROMPT = 10_000
"""Milliseconds: a tick not later than this is on time, so that a failover is not taken for downtime."""


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: a tick to run, or with a `reason` the missed ticks from `first` to `tick`; `count` None is many."""

    tick: int
    due: int
    next_due: int | None
    first: int | None = None
    count: int | None = None
    reason: str = ""


def plan(stored: Stored, now: int) -> list[Step]:
    """The decisions that are due, in order; empty when there are none."""
    pending = _pending(stored, now)
    if not pending:
        return []
    runs = _chosen(stored, pending, now)
    kept_from = runs[0] if runs else pending[-1] + 1
    return _linked(stored, [*_missed(stored, kept_from, now), *(_run(stored, tick) for tick in runs)])


def next_due(stored: Stored, after: int) -> int | None:
    """When the first tick later than an instant is to be decided."""
    tick = next_tick(stored.definition.rule, after)
    return None if tick is None else stored.definition.due(tick)


def kept_back(stored: Stored, now: int) -> Step | None:
    """The ticks that a pause has kept back, as one missed range; None when there are none."""
    return next(_range(stored, stored.floor, _all_due_until(stored, now), "kept back by a pause"), None)


def left_behind(stored: Stored, now: int) -> Step | None:
    """The ticks that a pause or their jitter keeps back when the rule changes; None when there are none."""
    if stored.retired or not stored.definition.enabled:
        return None
    return next(_range(stored, stored.floor, now, "kept back when the rule was changed"), None)


def past(stored: Stored, now: int) -> Step | None:
    """The tick of a new schedule that fires once, when its time has passed already."""
    rule = stored.definition.rule
    if not isinstance(rule, Once) or rule.at > now:
        return None
    return Step(rule.at, rule.at, None, rule.at, 1, "it was past when it was declared")


def _pending(stored: Stored, now: int) -> list[int]:
    """The last ticks that are due, never more than could run."""
    rule, due = stored.definition.rule, stored.definition.due
    first = next_tick(rule, stored.floor)
    if first is None or due(first) > now:
        return []
    second = next_tick(rule, first)
    if second is None or second > now:
        return [first]
    return last_ticks(rule, stored.floor, _all_due_until(stored, now), stored.definition.max + PROMPT // 1000)


def _all_due_until(stored: Stored, now: int) -> int:
    """The last instant up to which no tick is still held back by its jitter; ticks are decided in their order."""
    definition = stored.definition
    start = max(stored.floor, now - round(definition.jitter * 1000))
    due = takewhile(lambda tick: definition.due(tick) <= now, ticks_after(definition.rule, start))
    return max(due, default=start)


def _chosen(stored: Stored, pending: list[int], now: int) -> list[int]:
    definition = stored.definition
    prompt = [tick for tick in pending if now - definition.due(tick) <= PROMPT]
    late = [tick for tick in pending[: len(pending) - len(prompt)] if not _outside(stored, tick, now)]
    if definition.catchup == "all":
        return late[-definition.max :] + prompt
    if definition.catchup == "latest" and not prompt:
        return late[-1:]
    return prompt


def _outside(stored: Stored, tick: int, now: int) -> bool:
    return now - tick > stored.definition.window * 1000


def _missed(stored: Stored, kept_from: int, now: int) -> Iterator[Step]:
    """What lies before the first tick that runs: first what is older than the window, then the rest."""
    edge = min(kept_from - 1, now - round(stored.definition.window * 1000) - 1)
    yield from _range(stored, stored.floor, edge, "older than the catch-up window")
    yield from _range(stored, max(edge, stored.floor), kept_from - 1, _REASONS[stored.definition.catchup])


_REASONS = {
    "skip": "late, and catch-up is off",
    "latest": "late, and a later tick stands for it",
    "all": "late, and above the maximum to catch up",
}


def _range(stored: Stored, after: int, until: int, reason: str) -> Iterator[Step]:
    rule = stored.definition.rule
    first = next_tick(rule, after)
    if first is None or first > until:
        return
    last = last_ticks(rule, after, until, 1)[0]
    count = count_ticks(rule, after, last)
    yield Step(last, stored.definition.due(last), None, first, count, reason)


def _run(stored: Stored, tick: int) -> Step:
    return Step(tick, stored.definition.due(tick), None)


def _linked(stored: Stored, steps: list[Step]) -> list[Step]:
    """Each step with the time of the next, so that a chain cut short goes on where it stopped."""
    linked = [replace(step, next_due=following.due) for step, following in pairwise(steps)]
    return [*linked, replace(steps[-1], next_due=next_due(stored, steps[-1].tick))]
