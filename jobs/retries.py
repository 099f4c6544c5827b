"""When a failed attempt is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass


class Snooze(Exception):
    """Raise in a task to run the job again later; no attempt is spent."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"snoozed for {seconds:g} s")
        self.seconds = max(0.0, float(seconds))


class Discard(Exception):
    """Raise in a task to end the job as failed at once, without another attempt."""


class RetryLater(Exception):
    """Raise in a task to try again after exactly this delay, as a server's Retry-After asks; spends an attempt."""

    def __init__(self, seconds: float, reason: str = "asked to try again later") -> None:
        super().__init__(reason)
        self.seconds = max(0.0, float(seconds))


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how late a failing job is tried again.

    `max` counts retries, so a job has `max + 1` attempts. The delay before retry n is drawn uniformly from
    0 to min(cap, base * 2**n) seconds: exponential backoff with full jitter, as in "Exponential Backoff And Jitter"
    (AWS Architecture Blog, 2015), which spreads the load of many jobs that failed together.
    """

    max: int = 3
    base: float = 2.0
    cap: float = 600.0
    retry_on: tuple[type[Exception], ...] = (Exception,)
    give_up_on: tuple[type[Exception], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.max <= 100:
            raise ValueError(f"Retry.max is {self.max}; accepted are 0 to 100")
        if self.base <= 0 or self.cap <= 0:
            raise ValueError(f"Retry.base and Retry.cap are seconds above 0, not {self.base} and {self.cap}")

    def wants(self, error: Exception) -> bool:
        """Whether a job that failed with this error is tried again, as long as attempts are left."""
        return isinstance(error, self.retry_on) and not isinstance(error, self.give_up_on)

    def delay(self, attempt: int, chance: random.Random | None = None) -> float:
        """Seconds to wait after the attempt with this number (from 1)."""
        ceiling = min(self.cap, self.base * 2.0 ** min(attempt, 60))
        return (chance or random).uniform(0.0, ceiling)
