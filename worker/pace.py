"""How long tasks take on one horse, and so how many jobs it may take at a time."""

from __future__ import annotations

SHORT = 0.002  # seconds: a task that takes longer is settled at once, and nothing is prefetched behind it
LONGEST = 0.005  # seconds that an ended attempt may wait to be settled together with those after it
_WEIGHT = 0.2  # of the newest run in an average


class Pace:
    """Averages of the tasks that this horse has run; `most` is the limit of jobs to prefetch."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: dict[str, float] = {}
        self._all = SHORT

    def note(self, task: str, seconds: float) -> None:
        """A run has ended; a long one weighs so much that many short ones must follow until the task is short again."""
        known = self._tasks.get(task, seconds) if seconds < SHORT else SHORT
        self._tasks[task] = known + _WEIGHT * (seconds - known)
        self._all += _WEIGHT * (seconds - self._all)

    def is_short(self, task: str) -> bool:
        """Whether its runs took less on average; a task that was never run here is not short."""
        return self._tasks.get(task, SHORT) < SHORT

    @property
    def room(self) -> int:
        """How many jobs to prefetch behind the next one."""
        return min(self._most, int(LONGEST / max(self._all, 1e-6))) if self._all < SHORT else 0
