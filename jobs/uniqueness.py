"""One job instead of many that ask for the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

LONGEST = 30 * 86400


@dataclass(frozen=True, slots=True)
class Unique:
    """While a job like it exists, enqueueing gives that job.

    Two jobs are alike when they have the same task and the same arguments, or the same `key` if there is one.
    `until` says how long: until the job has `started`, until it is `done` (ended in whatever way), or for `window`
    seconds from when it was accepted. Nothing holds for longer than 30 days.
    """

    until: Literal["started", "done", "window"] = "done"
    key: str | None = None
    window: int = LONGEST

    def __post_init__(self) -> None:
        if not 1 <= self.window <= LONGEST:
            raise ValueError(f"Unique.window is {self.window}; accepted are 1 to {LONGEST} seconds")

    def digest(self, task: str, args: Mapping[str, Any]) -> str:
        """What makes jobs alike, in a fixed length."""
        same = {"key": self.key} if self.key is not None else {"args": args}
        return hashlib.blake2b(json.dumps([task, same], sort_keys=True).encode(), digest_size=16).hexdigest()
