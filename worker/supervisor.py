"""The supervisor: keeps its horses alive, their leases fresh and their jobs within time; it runs no job itself."""

from __future__ import annotations

import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from jobs import logs, recovery
from jobs.claims import LEASE, renew
from jobs.connection import connect, use_client
from jobs.errors import RedisUnavailable
from jobs.settings import Settings

from .aftermath import Aftermath
from .chores import Chore, Chores
from .deadlines import KILL_AFTER, Deadlines
from .horse import Duty, Horse
from .registration import Commands, Registration, is_suspended, paused_queues
from .slots import Board, Run, Slot, Verdict
from .team import Team

TICK = 0.2
HEARTBEAT = LEASE / 3

log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start: queues, best first, and how many horses; `burst` ends the worker when the queues are empty."""

    queues: Sequence[str]
    horses: int
    burst: bool = False


class Supervisor:
    """One worker: `run` returns when it was told to stop and every horse is gone."""

    def __init__(self, plan: Plan, settings: Settings) -> None:
        self._plan, self._settings = plan, settings
        self._client = connect(settings)
        self._registration = Registration(self._client, plan.queues, plan.horses)
        self._commands = Commands(settings, self._registration.name)
        self._board = Board(plan.horses)
        self._team = Team(self._board, self._live, once=plan.burst)
        self._deadlines = Deadlines(self._team, settings.shutdown_grace)
        self._aftermath = Aftermath(self._client, self._registration.name)
        self._stop_asked_at: float | None = None
        self._last_look = settings.shutdown_grace + 2 * KILL_AFTER
        self._alarm, self._alarm_writer = socket.socketpair()
        self._suspended = False
        self._paused: set[str] = set()
        self._chores = Chores(
            Chore(0, self._aftermath.settle),
            Chore(0, self._obey),
            Chore(HEARTBEAT, self._beat),
            Chore(1, self._look_at_switches),
            Chore(1, self._promote),
            Chore(2, self._reap),
        )

    def run(self) -> None:
        """Work until a signal or a command says stop."""
        self._listen()
        self._registration.begin()
        self._team.fill(time.monotonic())
        log.info("Ready", worker=self._registration.name, queues=list(self._plan.queues), horses=self._plan.horses)
        while not self._finished():
            self._step(time.monotonic())
            self._sleep()
        self._leave()

    def stop(self) -> None:
        """Take no more jobs, and end when those that run have ended or their grace is over; once or many times."""
        self._stop_asked_at = self._stop_asked_at or time.monotonic()

    def _listen(self) -> None:
        """A handler only notes that it was called; the socket ends the sleep at once."""
        self._alarm.setblocking(False)
        self._alarm_writer.setblocking(False)
        signal.set_wakeup_fd(self._alarm_writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_stop(self, _: int, __: FrameType | None) -> None:
        self.stop()

    def _sleep(self) -> None:
        if select.select([self._alarm], [], [], TICK)[0]:
            self._alarm.recv(4096)

    def _step(self, now: float) -> None:
        self._announce()
        self._deadlines.enforce(now, self._stop_asked_at)
        for death in self._team.bury(now):
            self._aftermath.note(death)
        if self._stop_asked_at is None:
            self._team.fill(now)
        self._chores.run(now)

    def _finished(self) -> bool:
        """Whether all horses have ended after a stop, and what they left is settled, or cannot be in time."""
        if self._stop_asked_at is None:
            return self._team.retired and self._aftermath.done
        late = time.monotonic() > self._stop_asked_at + self._last_look
        return not self._team.processes and (late or self._aftermath.done)

    def _leave(self) -> None:
        try:
            self._commands.close()
            self._registration.end()
        except RedisUnavailable:
            pass  # the record expires by itself
        log.info("Stopped", worker=self._registration.name)

    # What the horses are told

    def _live(self, slot: Slot) -> None:
        """The whole life of a horse, in its own process."""
        client = connect(self._settings)
        use_client(client)
        duty = Duty(self._registration.name, self._plan.queues, self._plan.burst)
        Horse(duty, self._board, slot, client, self._settings).run()

    def _announce(self) -> None:
        paused = sum(1 << bit for bit, name in enumerate(self._plan.queues) if name in self._paused)
        self._board.announce(stopping=self._stop_asked_at is not None, suspended=self._suspended, paused=paused)

    # Chores

    def _obey(self) -> None:
        for command in self._commands.read():
            log.info("Command", **{name: command.get(name) for name in ("command", "job_id") if name in command})
            self._carry_out(command)

    def _carry_out(self, command: dict[str, Any]) -> None:
        match command.get("command"):
            case "shutdown":
                self.stop()
            case "stop-job":
                self._judge(lambda run: run.job_id == command.get("job_id"), Verdict.STOPPED)
            case "kill-horse":
                for process, _ in self._team.runs():
                    process.kill()

    def _judge(self, chosen: Callable[[Run], bool], verdict: Verdict) -> None:
        for process, run in self._team.runs():
            if chosen(run) and not run.settling:
                process.judge(run, verdict, time.monotonic())

    def _beat(self) -> None:
        runs = [run for _, run in self._team.runs()]
        lost = renew(self._client, [(run.queue, run.job_id, run.execution) for run in runs])
        self._judge(lambda run: run.execution in lost, Verdict.LOST)
        totals = [slot.totals() for slot in self._board.slots]
        self._registration.beat(
            job_id=runs[0].job_id if runs else None,
            suspended=self._suspended,
            totals=(sum(t[0] for t in totals), sum(t[1] for t in totals), sum(t[2] for t in totals)),
        )

    def _look_at_switches(self) -> None:
        self._suspended = is_suspended(self._client)
        self._paused = paused_queues(self._client)

    def _promote(self) -> None:
        recovery.promote(self._client, recovery.queue_names(self._client))

    def _reap(self) -> None:
        """After an outage the other supervisors get the time of a lease to say that they are alive."""
        if time.monotonic() < self._chores.steady_since + LEASE + HEARTBEAT:
            return
        for reaped in recovery.reap(self._client, recovery.queue_names(self._client)):
            log.warning(
                "Job of a dead worker", job_id=reaped.job_id, task=reaped.task, crashes=reaped.crashes, fate=reaped.fate
            )
