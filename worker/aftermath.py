"""What a dead horse leaves: its job goes back, or ends, by what killed the horse."""

from __future__ import annotations

import time
from collections import deque

from jobs import logs, recovery
from jobs.claims import Claims
from jobs.connection import Client
from jobs.running import Quarantined
from jobs.verbs import Ending

from .endings import cause_of_death, ending_of, interruption
from .handover import Handover
from .slots import Run, Verdict
from .team import Death

log = logs.get_logger(__name__)


class Aftermath:
    """Settles the jobs of dead horses, as soon as Redis answers."""

    def __init__(self, client: Client, worker: str, handover: Handover) -> None:
        self._client, self._handover = client, handover
        self._claims = Claims(client, worker)
        self._open: deque[Death] = deque()

    @property
    def done(self) -> bool:
        """Whether nothing is left to settle."""
        return not self._open

    def note(self, death: Death) -> None:
        """Remember a death."""
        if death.status or death.run:
            log.warning("Horse died", pid=death.process.pid, cause=_cause(death))
        if death.run or death.held.batch:
            self._open.append(death)

    def settle(self) -> None:
        """Settle what is open. Raises RedisUnavailable; then the rest is still open."""
        while self._open:
            death = self._open[0]
            if death.held.batch:
                self._handover.settle(death.held, None if death.run and death.run.settling else death.run)
            if death.run:
                self._settle(death, death.run)
            self._open.popleft()

    def _settle(self, death: Death, run: Run) -> None:
        verdict = death.process.verdict_on(run)
        if verdict is Verdict.NONE:
            self._crashed(death, run)
        elif verdict is not Verdict.LOST:
            self._killed(death, run, verdict)

    def _crashed(self, death: Death, run: Run) -> None:
        reason = _cause(death)
        reaped = recovery.crashed(
            self._client, run.queue, run.job_id, run.execution, reason=reason, peak_kb=death.peak_kb
        )
        if reaped:
            log.warning("Job crashed", job_id=run.job_id, task=run.task, crashes=reaped.crashes, fate=reaped.fate)

    def _killed(self, death: Death, run: Run, verdict: Verdict) -> None:
        """The task did not leave when it was told to, so that we had to kill its horse: no crash of its own."""
        claim = recovery.claim_of(self._client, run.queue, run.job_id, run.execution)
        try:
            ending: Ending = ending_of(interruption(verdict, run.timeout), claim.job())
        except (ValueError, KeyError, TypeError) as error:
            ending = Quarantined(f"the record cannot be read: {error}")
        at = time.time()
        self._claims.settle(claim, ending, at=at, peak_kb=death.peak_kb, queues=(), execution="")
        log.warning("Job killed", job_id=run.job_id, task=run.task, verdict=verdict.name.lower())


def _cause(death: Death) -> str:
    return cause_of_death(death.status, death.peak_kb, by_us=death.by_us)
