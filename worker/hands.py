"""What a horse holds beside the job that it runs, in the memory that it shares with its supervisor.

Short jobs are taken several at a time and settled together. When one of them turns out long, or kills the horse, the
supervisor settles what was finished and gives back what was not begun. There is no lock between the two: the horse
counts a step before it goes on to the next job, the supervisor marks the step at which it takes the rest away, and each
looks at the other's number after it has written its own.
"""

from __future__ import annotations

import mmap
import struct

from pydantic_core import to_json

from jobs.verbs import Ended

SIZE = 64 * 1024  # of which only what is written takes memory
_BATCH = struct.Struct("=64sd")
_NUMBER = struct.Struct("=Q")
_STEP = _BATCH.size
_TAKEN = _STEP + _NUMBER.size
_USED = _TAKEN + _NUMBER.size
_KEPT = _USED + _NUMBER.size


class Hand:
    """One horse's part: all is written by the horse, but for the mark of the supervisor.

    The step is odd while the horse goes from one job to the next.
    """

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._memory, self._at = memory, offset

    # The horse

    def hold(self, batch: str, now: float) -> None:
        """A new batch, '' for none; all of the one before is settled. `now` is on the monotonic clock."""
        _BATCH.pack_into(self._memory, self._at, batch.encode(), now)
        self._write(_USED, 0)
        self._write(_STEP, (self._read(_STEP) | 1) + 1)

    def keep(self, attempt: Ended) -> bool:
        """Note an attempt that is finished and not settled; False when there is no room for it."""
        used, data = self._read(_USED), to_json(attempt.args)
        start = _KEPT + used + _NUMBER.size
        if start + len(data) > SIZE:
            return False
        self._write(_KEPT + used, len(data))
        self._memory[self._at + start : self._at + start + len(data)] = data
        self._write(_USED, used + _NUMBER.size + len(data))
        return True

    def go_on(self) -> bool:
        """Leave a job for the next one; False when the supervisor has taken the batch."""
        step = self._read(_STEP)
        self._write(_STEP, step + 1)
        return self._read(_TAKEN) != step

    def arrive(self) -> None:
        """The next job is in the slot."""
        if (step := self._read(_STEP)) & 1:
            self._write(_STEP, step + 1)

    # The supervisor

    @property
    def batch(self) -> str:
        """The batch that the horse holds, '' for none."""
        return str(_BATCH.unpack_from(self._memory, self._at)[0].rstrip(b"\0").decode())

    @property
    def since(self) -> float:
        """When the horse took the batch, on the monotonic clock."""
        return float(_BATCH.unpack_from(self._memory, self._at)[1])

    def mark(self) -> int:
        """Say that the batch is to be taken at this step, and give it."""
        self._write(_TAKEN, step := self._read(_STEP))
        return step

    def stands_at(self, step: int) -> bool:
        """Whether the horse has not gone on since, and will not: all that was read meanwhile belongs together."""
        return not step & 1 and self._read(_STEP) == step

    def kept(self) -> list[bytes]:
        """The attempts that are finished and not settled, each as JSON (see `arguments`)."""
        found, at, end = [], _KEPT, _KEPT + self._read(_USED)
        while at < end:
            start = self._at + at + _NUMBER.size
            size = self._read(at)
            found.append(self._memory[start : start + size])
            at += _NUMBER.size + size
        return found

    def _read(self, where: int) -> int:
        return int(_NUMBER.unpack_from(self._memory, self._at + where)[0])

    def _write(self, where: int, number: int) -> None:
        _NUMBER.pack_into(self._memory, self._at + where, number)
