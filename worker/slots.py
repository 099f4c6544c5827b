"""Shared memory between a supervisor and its horses: what each horse runs, and what the supervisor decided about it.

A horse writes its slot at the start and the end of every job, and the supervisor reads it a few times a second. No
message, no lock and no system call is in the way of a job.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from enum import IntEnum

from .hands import SIZE as HAND
from .hands import Hand


class Verdict(IntEnum):
    """Why a run must end."""

    NONE = 0
    TIMEOUT = 1
    SHUTDOWN = 2
    STOPPED = 3
    LOST = 4
    CANCELED = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One job on one horse. `number` counts the runs of a horse; `started` is on the machine's monotonic clock."""

    number: int
    started: float
    timeout: float
    attempt: int
    job_id: str
    execution: str
    queue: str
    task: str

    @property
    def settling(self) -> bool:
        """Whether the task is done and only its ending is still to be saved: no time limit holds any more."""
        return not self.timeout


_VERSION = struct.Struct("=Q")
_RUN = struct.Struct("=QddI128s64s64s128s")
_TALLY = struct.Struct("=QQd")
_VERDICT = struct.Struct("=QB")
_TIMEOUT = struct.Struct("=d")
_AT_RUN = _VERSION.size
_AT_TIMEOUT = _AT_RUN + struct.calcsize("=Qd")
_AT_TALLY = _AT_RUN + _RUN.size
_AT_VERDICT = _AT_TALLY + _TALLY.size
_SLOT = 512
_HEADER = struct.Struct("=BBQQQ")
_IDLE = _RUN.pack(0, 0.0, 0.0, 0, b"", b"", b"", b"")


class Board:
    """The memory of one supervisor: a header that all horses read, and one slot for each horse."""

    def __init__(self, horses: int) -> None:
        self._memory = mmap.mmap(-1, _HEADER.size + horses * (_SLOT + HAND))
        self.slots = [Slot(self._memory, _HEADER.size + index * (_SLOT + HAND)) for index in range(horses)]

    def announce(self, *, stopping: bool, suspended: bool, paused: int, ranked: tuple[int, int] = (0, 0)) -> None:
        """Tell all horses whether to take jobs; `paused` has one bit for each queue, `ranked` as the property."""
        _HEADER.pack_into(self._memory, 0, stopping, suspended, paused, *ranked)

    def totals(self) -> tuple[int, int, float]:
        """Jobs finished, jobs not finished, seconds spent: of all horses since the supervisor started."""
        finished, failed, busy = zip(*(slot.totals() for slot in self.slots), strict=True)
        return sum(finished), sum(failed), sum(busy)

    @property
    def stopping(self) -> bool:
        """Whether no job is to be taken any more."""
        return self._memory[0] != 0

    @property
    def suspended(self) -> bool:
        """Whether no job is to be taken for now."""
        return self._memory[1] != 0

    @property
    def ranked(self) -> tuple[int, int]:
        """The queues with jobs of high, and of low priority, one bit each."""
        _, _, _, high, low = _HEADER.unpack_from(self._memory, 0)
        return high, low

    @property
    def paused(self) -> int:
        """The queues from which no job is to be taken for now, one bit each."""
        paused: int = _HEADER.unpack_from(self._memory, 0)[2]
        return paused


class Slot:
    """One horse's part: the run and the tally are written by the horse, the verdict by the supervisor."""

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._memory = memory
        self._at = offset
        self.hand = Hand(memory, offset + _SLOT)

    def clear(self) -> None:
        """Prepare for a new horse; its tally goes on from that of the one before."""
        self.end()
        self.judge(0, Verdict.NONE)
        self.hand.hold("", 0.0)

    def begin(self, run: Run) -> None:
        """Say that a job has started."""
        self._write(
            _RUN.pack(
                run.number, run.started, run.timeout, run.attempt,
                run.job_id.encode(), run.execution.encode(), run.queue.encode(), run.task.encode(),
            )
        )  # fmt: skip
        self.hand.arrive()

    def settling(self) -> None:
        """Say that the task is done."""
        _TIMEOUT.pack_into(self._memory, self._at + _AT_TIMEOUT, 0.0)

    def end(self) -> None:
        """Say that nothing is being run."""
        self._write(_IDLE)

    def _write(self, run: bytes) -> None:
        # An odd version says "being written": the reader looks again instead of seeing half of two runs.
        version = _VERSION.unpack_from(self._memory, self._at)[0] | 1
        _VERSION.pack_into(self._memory, self._at, version)
        self._memory[self._at + _AT_RUN : self._at + _AT_TALLY] = run
        _VERSION.pack_into(self._memory, self._at, version + 1)

    def read(self) -> Run | None:
        """What is being run; None when nothing is, and while it cannot be read: a killed writer never completes it."""
        for _ in range(3):
            before = _VERSION.unpack_from(self._memory, self._at)[0]
            raw = bytes(self._memory[self._at + _AT_RUN : self._at + _AT_TALLY])
            if before == _VERSION.unpack_from(self._memory, self._at)[0] and not before & 1:
                return _run(raw)
        return None

    def tally(self, *, finished: int, failed: int, busy: float) -> None:
        """Add to what this slot's horses have done."""
        done = self.totals()
        added = (done[0] + finished, done[1] + failed, done[2] + busy)
        _TALLY.pack_into(self._memory, self._at + _AT_TALLY, *added)

    def totals(self) -> tuple[int, int, float]:
        """Jobs finished, jobs not finished, seconds spent: since the supervisor started."""
        finished, failed, busy = _TALLY.unpack_from(self._memory, self._at + _AT_TALLY)
        return finished, failed, busy

    def judge(self, number: int, verdict: Verdict) -> None:
        """Decide that a run must end."""
        _VERDICT.pack_into(self._memory, self._at + _AT_VERDICT, number, verdict)

    def verdict(self, number: int) -> Verdict:
        """What was decided about a run."""
        judged, verdict = _VERDICT.unpack_from(self._memory, self._at + _AT_VERDICT)
        return Verdict(verdict) if judged == number else Verdict.NONE


def _run(raw: bytes) -> Run | None:
    number, started, timeout, attempt, *texts = _RUN.unpack(raw)
    if not number:
        return None
    job_id, execution, queue, task = (text.rstrip(b"\0").decode("utf-8", "replace") for text in texts)
    return Run(number, started, timeout, attempt, job_id, execution, queue, task)
