"""The horses of one supervisor: forked from the preloaded parent, replaced when they end."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import signal
import stat
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jobs.recovery import Held

from .slots import Board, Run, Slot, Verdict

LONGEST_PAUSE = 5.0  # seconds before a horse is replaced that died at birth, again and again
_INFANCY = 1.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Process:
    """One horse as its supervisor sees it; a verdict is about one run of it."""

    pid: int
    slot: Slot
    born_at: float
    judged_run: int = 0
    verdict: Verdict = Verdict.NONE
    judged_at: float = 0.0
    killed: bool = False

    def judge(self, run: Run, verdict: Verdict, at: float) -> None:
        """Tell the horse to leave this run; the first verdict about a run stands."""
        if self.judged_run != run.number:
            self.judged_run, self.verdict, self.judged_at = run.number, verdict, at
            self.slot.judge(run.number, verdict)
            self.interrupt()

    def interrupt(self) -> None:
        """Have the horse look at what was decided about its run."""
        self.send(signal.SIGUSR1)

    def verdict_on(self, run: Run) -> Verdict:
        """What was decided about this run."""
        return self.verdict if self.judged_run == run.number else Verdict.NONE

    def send(self, number: int) -> None:
        """Send a signal to the horse alone."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def kill(self) -> None:
        """Kill the horse and all that its task has started in its process group."""
        self.killed = True
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self.send(signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Death:
    """A horse that ended: `status` is what waitpid gave, `peak_kb` the most memory it ever held, `run` what it ran,
    `held` the batch that it had taken; `by_us` when its supervisor killed it.
    """

    process: Process
    status: int
    peak_kb: int
    run: Run | None
    held: Held
    by_us: bool


class Team:
    """Keeps one process in each slot. `live` is a horse's whole life; with `once` those that end well stay away."""

    def __init__(self, board: Board, live: Callable[[Slot], None], *, once: bool = False) -> None:
        gc.freeze()  # what is loaded by now stays shared after a fork, because the collector does not touch its pages
        self._live = live
        self._once = once
        self._empty = list(board.slots)
        self._early_deaths = 0
        self._pause_until = 0.0
        self.processes: list[Process] = []

    def fill(self, now: float) -> None:
        """Start a horse in every slot that has none."""
        while self._empty and now >= self._pause_until:
            slot = self._empty.pop()
            slot.clear()
            self.processes.append(Process(_fork(partial(self._live, slot)), slot, now))

    @property
    def retired(self) -> bool:
        """Whether no horse is left and none will come."""
        return not self.processes and not self._empty

    def bury(self, now: float) -> list[Death]:
        """The horses that ended since the last call; what their tasks left running is killed."""
        ended = list(_ended(self.processes))
        for death in ended:
            death.process.kill()
            self.processes.remove(death.process)
            if death.status or death.run or not self._once:  # a task that ends its process with code 0 is no end
                self._empty.append(death.process.slot)
            self._slow_down(death, now)
        return ended

    def _slow_down(self, death: Death, now: float) -> None:
        """A horse that cannot even start must not be forked a thousand times a second."""
        early = death.run is None and now - death.process.born_at < _INFANCY and death.status != 0
        self._early_deaths = self._early_deaths + 1 if early else 0
        if early:
            self._pause_until = now + min(LONGEST_PAUSE, 0.1 * 2**self._early_deaths)

    def runs(self) -> Iterator[tuple[Process, Run]]:
        """Every job that is being run, with its horse."""
        for process in self.processes:
            if run := process.slot.read():
                yield process, run


def _ended(processes: list[Process]) -> Iterator[Death]:
    for process in processes:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            peak_kb = usage.ru_maxrss // 1024 if sys.platform == "darwin" else usage.ru_maxrss
            hand = process.slot.hand
            held = Held(hand.batch, hand.kept())
            yield Death(process, status, peak_kb, process.slot.read(), held, process.killed)


def _fork(live: Callable[[], None]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be_a_horse(supervisor, live)
    _own_group(pid)
    return pid


def _be_a_horse(supervisor: int, live: Callable[[], None]) -> None:
    """Live and exit, without the cleanup of objects that are copies of the supervisor's."""
    code = 1
    try:
        _leave_the_supervisor(supervisor)
        live()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _leave_the_supervisor(supervisor: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _own_group(0)
    _die_with(supervisor)
    _close_inherited_sockets()
    random.seed()  # else every horse draws the same numbers


def _own_group(pid: int) -> None:
    """Its own process group, so that a kill reaches what a task has started, and Ctrl-C reaches the supervisor only."""
    try:
        os.setpgid(pid, pid)
    except (PermissionError, ProcessLookupError):
        pass  # the other side was quicker, or the horse is gone


def _die_with(supervisor: int) -> None:
    """On Linux the kernel kills the horse with its supervisor; elsewhere the horse looks at its parent between jobs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != supervisor:
        os._exit(1)


def _close_inherited_sockets() -> None:
    """A child that keeps a socket of the supervisor would take replies away from it.

    The numbers stay taken, by /dev/null: else a copied object that is collected later would close somebody else's file.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        if number > 2 and _is_socket(number):
            os.dup2(nothing, number)
    os.close(nothing)


def _is_socket(number: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False
