"""Which jobs of a queue go first: those of high priority, but never all of them before the others.

Jobs of normal priority wait in RQ's own list of their queue, others in a list beside it (`default:high`), which RQ sees
as a queue of that name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

Priority = Literal["high", "normal", "low"]

PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")
RANKED: tuple[Priority, ...] = ("high", "low")  # those with a list of their own
_LIST = re.compile(r"([^:]+):(high|low)")

# Of 16 claims of a horse one looks at the low ones first and three at the normal ones: none of them waits for ever.
_ROUND = 16
_LOW_FIRST: tuple[Priority, ...] = ("low", "high", "normal")
_NORMAL_FIRST: tuple[Priority, ...] = ("normal", "high", "low")


def name_of(queue: str, priority: str) -> str:
    """The name of the list in which jobs of this priority wait."""
    return queue if priority == "normal" else f"{queue}:{priority}"


def names_of(queue: str) -> list[str]:
    """All lists of a queue, best first."""
    return [name_of(queue, priority) for priority in PRIORITIES]


def queue_of(name: str) -> str:
    """The queue to which a list belongs."""
    found = _LIST.fullmatch(name)
    return found[1] if found else name


def arranged(queues: Iterable[str], present: Collection[str], turn: int) -> Sequence[str]:
    """The lists to look at for claim number `turn`, queue by queue; of the ranked ones those that are `present`."""
    order = _order(turn)
    names = [(name_of(queue, priority), priority) for queue in queues for priority in order]
    return [name for name, priority in names if priority == "normal" or name in present]


def _order(turn: int) -> tuple[Priority, ...]:
    if turn % _ROUND == _ROUND - 1:
        return _LOW_FIRST
    return _NORMAL_FIRST if turn % 4 == 3 else PRIORITIES
