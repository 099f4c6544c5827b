"""A past without living through it: what the settling scripts would have counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis import Redis

from jobs import keys
from jobs.histograms import bucket_of
from jobs.stats import MINUTES_KEPT


@dataclass(frozen=True, slots=True)
class Past:
    """Attempts of one task in one queue."""

    redis: Redis
    task: str = "hand.greet"
    queue: str = "default"

    def add(
        self, at: datetime, outcome: str = "finished", *, run: float = 0.1, wait: float = 0.02, times: int = 1
    ) -> None:
        """So many attempts ended like this; what is older than minutes are kept counts in its hour."""
        seconds = int(at.timestamp())
        is_old = datetime.now(UTC) - at > timedelta(minutes=MINUTES_KEPT)
        key = keys.stats_hour(seconds // 3600) if is_old else keys.stats_minute(seconds // 60)
        label = f"{self.task}|{self.queue}"
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.hincrby(key, f"n|{label}|{outcome}|{bucket_of(run)}|{bucket_of(wait)}", times)
            pipe.hincrby(key, f"r|{label}", round(run * 1e6) * times)
            pipe.hincrby(key, f"w|{label}", round(wait * 1e6) * times)
            pipe.execute()
