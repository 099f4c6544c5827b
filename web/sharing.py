"""How many connections each process of this web serves, so that a new one goes to the process that has the fewest.

All processes wait at one door, and who is quickest opens it: without this one of two may well hold nearly every kept
connection of a router, and keep one core busy while the other idles.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator

_ROWS = 64
_FRESH = 3.0  # seconds; a process writes its row every second, and who does not is dead or hangs


class Shares:
    """A table that the processes of a gunicorn share from before they are forked: each writes its row, all read all."""

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, _ROWS * 16)).cast("d")

    def note(self, process: int, connections: int, now: float) -> None:
        """Write how many connections a process has; `process` is a number that grows, of which few live at a time."""
        row = process % _ROWS * 2
        self._cells[row], self._cells[row + 1] = now, connections

    def another_has_fewer(self, connections: int, now: float) -> bool:
        """Whether some process that lives has fewer than this."""
        return any(held < connections for seen, held in self._rows() if now - seen < _FRESH)

    def _rows(self) -> Iterator[tuple[float, float]]:
        cells = iter(self._cells.tolist())
        return zip(cells, cells, strict=True)
