"""The supervisor: keeps its horses alive, their leases fresh and their jobs within time; it runs no job itself."""

from __future__ import annotations

import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from jobs import logs, pressure, printing, recovery, stats, tracing
from jobs.connection import Client, connect, use_client
from jobs.errors import RedisUnavailable
from jobs.priorities import RANKED, name_of
from jobs.retention import Retention
from jobs.settings import Settings
from jobs.webhooks import Outbox

from .aftermath import Aftermath
from .chores import Chore, Chores
from .deadlines import KILL_AFTER, Deadlines
from .handover import PATIENCE, Handover
from .horse import Duty, Horse
from .registration import Commands, News, Registration, state_of
from .slots import Board, Run, Slot, Verdict
from .team import Team

TICK = 0.2
HEARTBEAT = 1.0

log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start: queues, best first, and how many horses; `burst` ends the worker when the queues are empty."""

    queues: Sequence[str]
    horses: int
    burst: bool = False


class Supervisor:
    """One worker: `run` returns when it was told to stop and every horse is gone."""

    def __init__(self, plan: Plan, settings: Settings, client: Client) -> None:
        self._plan, self._settings = plan, settings
        self._client = client
        self._registration = Registration(self._client, plan.queues, plan.horses)
        self._commands = Commands(self._client, self._registration.name)
        self._board = Board(plan.horses)
        self._team = Team(self._board, self._live, once=plan.burst)
        self._deadlines = Deadlines(self._team, settings.shutdown_grace)
        self._handover = Handover(self._team, client, self._registration.name)
        self._aftermath = Aftermath(self._client, self._registration.name, self._handover)
        self._reaper = recovery.Reaper(client)
        self._outbox = Outbox(client, settings)
        self._retention = Retention(client, settings)
        self._told_to_stop = False
        self._leaving = False
        self._stop_asked_at: float | None = None
        self._last_look = settings.shutdown_grace + 2 * KILL_AFTER
        self._alarm, self._alarm_writer = socket.socketpair()
        self._news = News(suspended=False, paused=frozenset())
        self._ready = False
        self._chores = Chores(*self._all_chores())

    def run(self) -> None:
        """Work until a signal or a command says stop."""
        self._listen()
        while not self._finished():
            self._step(time.monotonic())
            self._sleep()
        self._leave()

    def stop(self) -> None:
        """Take no more jobs, and end when those that run have ended or their grace is over; once or many times."""
        if self._stop_asked_at is None:
            self._stop_asked_at = time.monotonic()
            self.drain()

    def drain(self) -> None:
        """Take no more jobs, and end when those that run have ended, however long that takes."""
        self._leaving = True
        self._announce()
        for process in self._team.processes:
            process.send(signal.SIGTERM)  # ends the wait for work

    def _listen(self) -> None:
        """A handler only notes that it was called; the socket ends the sleep at once."""
        self._alarm.setblocking(False)
        self._alarm_writer.setblocking(False)
        signal.set_wakeup_fd(self._alarm_writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_stop(self, _: int, __: FrameType | None) -> None:
        self._told_to_stop = True

    def _sleep(self) -> None:
        if select.select([self._alarm], [], [], PATIENCE if self._handover.pending else TICK)[0]:
            self._alarm.recv(4096)

    def _step(self, now: float) -> None:
        if self._told_to_stop:
            self.stop()
        self._deadlines.enforce(now, self._stop_asked_at)
        for death in self._team.bury(now):
            self._aftermath.note(death)
        self._chores.run(now)
        self._client.connection_pool.disconnect(inuse_connections=False)  # what pipelines of chores have opened
        self._announce()
        if self._ready and not self._leaving:  # before the first news a horse would not know what is paused
            self._team.fill(now)

    def _finished(self) -> bool:
        """Whether all horses have ended after a stop, and what they left is settled, or cannot be in time."""
        if not self._leaving:
            return self._team.retired and self._aftermath.done
        late = self._stop_asked_at is not None and time.monotonic() > self._stop_asked_at + self._last_look
        return not self._team.processes and (late or self._aftermath.done)

    def _leave(self) -> None:
        try:
            self._registration.end()
        except RedisUnavailable:
            pass  # the record expires by itself
        log.info("Stopped", worker=self._registration.name)

    # What the horses are told

    def _live(self, slot: Slot) -> None:
        """The whole life of a horse, in its own process."""
        printing.capture(self._settings)
        client: Client = connect(self._settings).client()  # type: ignore[no-untyped-call]
        use_client(client)  # a task's own calls share the horse's connection
        tracing.start(self._settings, "worker")
        duty = Duty(self._registration.name, self._plan.queues, self._plan.burst)
        Horse(duty, self._board, slot, client, self._settings).run()
        tracing.stop()

    def _announce(self) -> None:
        paused = sum(1 << bit for bit, name in enumerate(self._plan.queues) if name in self._news.paused)
        high, low = (self._queues_with(priority) for priority in RANKED)
        self._board.announce(stopping=self._leaving, suspended=self._news.suspended, paused=paused, ranked=(high, low))

    def _queues_with(self, priority: str) -> int:
        lists = [name_of(queue, priority) in self._news.ranked for queue in self._plan.queues]
        return sum(1 << bit for bit, filled in enumerate(lists) if filled)

    # Chores

    def _all_chores(self) -> Iterator[Chore]:
        """What is done by the clock, in this order."""
        yield Chore(0, self._aftermath.settle)
        yield Chore(0, lambda: self._handover.run(time.monotonic()))
        yield Chore(0, self._obey)
        yield Chore(HEARTBEAT, self._beat)
        yield Chore(1, self._promote)
        yield Chore(2, self._reap)
        yield Chore(2, self._sweep)
        yield Chore(1, self._tell)
        yield Chore(5, lambda: pressure.watch(self._client))
        yield Chore(2, self._drop_jobs)
        yield Chore(30, self._retention.trim)
        yield Chore(10, lambda: stats.roll_up(self._client))
        yield Chore(60, lambda: recovery.tidy(self._client))

    def _obey(self) -> None:
        for command in self._commands.read():
            log.info("Command", **{name: command.get(name) for name in ("command", "job_id") if name in command})
            self._carry_out(command)

    def _carry_out(self, command: dict[str, Any]) -> None:
        match command.get("command"):
            case "shutdown":
                self.stop()
            case "drain":
                self.drain()
            case "stop-job":
                self._judge(lambda run: run.job_id == command.get("job_id"), Verdict.STOPPED)
            case "cancel-job":
                self._judge(lambda run: run.job_id == command.get("job_id"), Verdict.CANCELED)
            case "kill-horse":
                for process, _ in self._team.runs():
                    process.kill()

    def _judge(self, chosen: Callable[[Run], bool], verdict: Verdict) -> None:
        for process, run in self._team.runs():
            if chosen(run) and not run.settling:
                process.judge(run, verdict, time.monotonic())

    def _beat(self) -> None:
        """Keep the jobs, and hear which switches are set; from the first beat on the worker is known."""
        runs = self._handover.known(list(self._team.runs()))
        self._news = self._registration.beat(runs, self._board.totals(), self._state(runs))
        self._judge(lambda run: run.execution in self._news.lost, Verdict.LOST)
        self._judge(lambda run: run.execution in self._news.canceled, Verdict.CANCELED)
        if not self._ready:
            self._ready = True
            stats.mark_deploy(self._client, self._settings.release, datetime.now(UTC))
            plan = self._plan
            log.info("Ready", worker=self._registration.name, queues=list(plan.queues), horses=plan.horses)

    def _state(self, runs: Sequence[Run]) -> str:
        if self._leaving:
            return "draining"
        return state_of(runs, suspended=self._news.suspended)

    def _promote(self) -> None:
        recovery.promote(self._client)

    def _reap(self) -> None:
        for reaped in self._reaper.run(time.monotonic()):
            fields = {"job_id": reaped.job_id, "task": reaped.task, "crashes": reaped.crashes, "fate": reaped.fate}
            log.warning("Job of a dead worker", **fields)

    def _drop_jobs(self) -> None:
        self._retention.drop_jobs()

    def _tell(self) -> None:
        self._outbox.send()

    def _sweep(self) -> None:
        for job_id in recovery.sweep(self._client):
            log.error("A lost job was put back", job_id=job_id)
