"""Take from a horse what it holds behind a job that turned out long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jobs import recovery
from jobs.connection import Client
from jobs.recovery import Held

from .dependents import release_dependents
from .slots import Run
from .team import Process, Team

PATIENCE = 0.1  # seconds: far above what a batch of short jobs takes


class Handover:
    """Keeps results from waiting behind a long job, and jobs from waiting for one horse while others are idle."""

    def __init__(self, team: Team, client: Client, worker: str) -> None:
        self._team, self._client, self._worker = team, client, worker
        self._over: set[str] = set()  # batches that were taken
        self._begun: set[str] = set()  # attempts whose start is in the record since then, if they were still ours

    @property
    def pending(self) -> bool:
        """Whether a horse holds anything."""
        return any(process.slot.hand.batch for process in self._team.processes)

    def run(self, now: float) -> None:
        """Take the batches that are overdue; `now` is on the monotonic clock. Raises RedisUnavailable."""
        held = {process.slot.hand.batch: process for process in self._team.processes}
        self._over &= held.keys()
        for batch, process in held.items():
            if batch and batch not in self._over and now > process.slot.hand.since + PATIENCE:
                self._take(batch, process)

    def _take(self, batch: str, process: Process) -> None:
        hand = process.slot.hand
        step = hand.mark()
        kept, run = hand.kept(), process.slot.read()
        if run is None or not hand.stands_at(step):
            return
        self.settle(Held(batch, kept), run)  # a run that is done as well: its horse has the result in its hands
        self._begun.add(run.execution)
        self._over.add(batch)

    def settle(self, held: Held, run: Run | None) -> None:
        """Settle what is kept, write down the start of the run, and give back what is not begun."""
        if run:
            held = replace(held, running=run.job_id, execution=run.execution)
        for job_id in recovery.take_over(self._client, held, self._worker):
            release_dependents(self._client, job_id)

    def known(self, runs: Sequence[tuple[Process, Run]]) -> list[Run]:
        """The runs whose start is in the record; the others end within moments, or are taken over.

        Of one that was taken from us before its start was written, as from a process that was stopped for long, the
        heartbeat says that it is lost.
        """
        self._begun &= {run.execution for _, run in runs}
        return [run for process, run in runs if self._is_known(process.slot.hand.batch, run.execution)]

    def _is_known(self, batch: str, execution: str) -> bool:
        # A batch is named by the attempt that was started with it; the others of it have names of their own.
        return batch in ("", execution) or execution in self._begun
