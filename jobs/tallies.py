"""Counters as the scripts write them (lua/parts/stats.lua), and their sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from .histograms import BOUNDS, Histogram

OUTCOMES = (
    *("finished", "failed", "discarded", "crashed", "retrying"),
    *("snoozed", "interrupted", "canceled", "quarantined"),
)
"""How an attempt, or a job that never started, can end; `failed` ones became dead letters."""


@dataclass(frozen=True, slots=True)
class Point:
    """What happened from `at` on, in one step of time."""

    at: datetime
    outcomes: Mapping[str, int]
    run: Histogram
    wait: Histogram


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a counter: how many (n), or microseconds run (r) or waited (w)."""

    kind: str
    task: str
    queue: str
    outcome: str = ""
    run: str = ""
    wait: str = ""


class Tally:
    """Sums of counters."""

    def __init__(self) -> None:
        self._outcomes = dict.fromkeys(OUTCOMES, 0)
        self._counts = {"r": [0] * (len(BOUNDS) + 1), "w": [0] * (len(BOUNDS) + 1)}
        self._microseconds = {"r": 0, "w": 0}

    def add(self, raw: Mapping[bytes, bytes], task: str | None, queue: str | None) -> None:
        """Add the counters of one task and queue; None for all of them."""
        for field, value in fields(raw):
            if task in (None, field.task) and queue in (None, field.queue):
                self.count(field, value)

    def count(self, field: Field, value: int) -> None:
        """Add one counter."""
        if field.kind != "n":
            self._microseconds[field.kind] += value
            return
        self._outcomes[field.outcome] = self._outcomes.get(field.outcome, 0) + value
        for kind, bucket in (("r", field.run), ("w", field.wait)):
            if bucket:
                self._counts[kind][int(bucket)] += value

    @property
    def run(self) -> Histogram:
        """How long attempts ran."""
        return self._histogram("r")

    @property
    def wait(self) -> Histogram:
        """How long jobs waited before each attempt."""
        return self._histogram("w")

    def _histogram(self, kind: str) -> Histogram:
        return Histogram(tuple(self._counts[kind]), self._microseconds[kind] / 1e6)

    def point(self, minute: int) -> Point:
        """What was added, as of this minute."""
        return Point(datetime.fromtimestamp(minute * 60, UTC), self._outcomes, self.run, self.wait)


def fields(raw: Mapping[bytes, bytes]) -> Iterator[tuple[Field, int]]:
    """Each counter of a hash."""
    for name, value in raw.items():
        yield _field(name), int(value)


@lru_cache(maxsize=16_384)
def _field(name: bytes) -> Field:
    kind, _, rest = name.decode("utf-8", "replace").partition("|")
    return Field(kind, *rest.rsplit("|", 4 if kind == "n" else 1))


class Sums:
    """Sums of a great many counters, by task and by queue at once: a service of 1,000 tasks has 100,000 of them."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[bytes, bytes], int] = defaultdict(int)
        self._counts: dict[tuple[bytes, bytes], list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self._microseconds: dict[tuple[bytes, bytes], int] = defaultdict(int)

    def add(self, raw: Mapping[bytes, bytes]) -> None:
        """Add the counters of a hash."""
        for name, value in raw.items():
            kind, label = name[:1], name[2:]
            if kind == b"n":
                self._add_endings(label, int(value))
            else:
                task, _, queue = label.rpartition(b"|")
                self._microseconds[kind, task if kind == b"r" else queue] += int(value)

    def _add_endings(self, described: bytes, number: int) -> None:
        label, outcome, run, wait = described.rsplit(b"|", 3)
        task, _, queue = label.rpartition(b"|")
        self._outcomes[label, outcome] += number
        if run:
            self._counts[b"r", task][int(run)] += number
        if wait:
            self._counts[b"w", queue][int(wait)] += number

    @property
    def outcomes(self) -> dict[tuple[str, str, str], int]:
        """How many, by task, queue and outcome."""
        return {
            (*_text(label).rsplit("|", 1), outcome.decode()): number  # type: ignore[misc]  # two parts, as written
            for (label, outcome), number in self._outcomes.items()
        }

    @property
    def run(self) -> dict[str, Histogram]:
        """How long attempts ran, by task."""
        return self._histograms(b"r")

    @property
    def wait(self) -> dict[str, Histogram]:
        """How long jobs waited, by queue."""
        return self._histograms(b"w")

    def _histograms(self, wanted: bytes) -> dict[str, Histogram]:
        return {
            _text(name): Histogram(tuple(counts), self._microseconds[kind, name] / 1e6)
            for (kind, name), counts in self._counts.items()
            if kind == wanted
        }


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
