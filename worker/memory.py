"""How much memory an attempt took, in a process that runs many."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_NOTICEABLE_KB = 4 * 1024


class Memory:
    """The high-water mark of this process, set back before a job when an earlier one has raised it (Linux only)."""

    def __init__(self) -> None:
        self._first_kb = self._resting_kb = peak_kb()

    def begin(self) -> None:
        """An attempt starts."""
        if peak_kb() > self._resting_kb + _NOTICEABLE_KB:
            _reset()
            self._resting_kb = peak_kb()

    @property
    def grown_kb(self) -> int:
        """What earlier jobs have left behind: how much more the process holds at rest than at birth."""
        return self._resting_kb - self._first_kb


def peak_kb() -> int:
    """The most memory this process held since the mark was set back."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def _reset() -> None:
    try:
        _CLEAR.write_text("5")  # proc(5): sets the mark to what is held now
    except OSError:
        pass  # no Linux, or not allowed: the mark then tells the most that any job took
