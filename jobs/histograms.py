"""How long things took: counts in buckets, from which quantiles are estimated."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds: the upper bound of each bucket but the last, which has none."""


def bucket_of(seconds: float) -> int:
    """The number of the bucket for a duration."""
    return bisect_left(BOUNDS, seconds)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations: how many fell into each bucket (one more than BOUNDS), and their sum."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    total_seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many durations."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """Seconds on average; None when there are none."""
        return self.total_seconds / self.count if self.count else None

    def quantile(self, q: float) -> float | None:
        """The duration that a share `q` (0 to 1) does not exceed, interpolated within its bucket.

        None when there are none; in the last bucket, which has no end, its lower bound.
        """
        rank = q * self.count
        if not self.count:
            return None
        for number, reached in enumerate(accumulate(self.counts)):
            if reached >= rank and self.counts[number]:
                return self._within(number, (rank - reached) / self.counts[number] + 1)
        return BOUNDS[-1]

    def _within(self, bucket: int, share: float) -> float:
        if bucket == len(BOUNDS):
            return BOUNDS[-1]
        low = BOUNDS[bucket - 1] if bucket else 0.0
        return low + (BOUNDS[bucket] - low) * share

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """All of them as one."""
        found = [cls(), *histograms]
        counts = tuple(map(sum, zip(*(one.counts for one in found), strict=True)))
        return cls(counts, sum(one.total_seconds for one in found))
