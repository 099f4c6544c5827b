"""What a clock process does, piece by piece; clock.py says when."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from .. import logs, recovery, retention, stats
from ..connection import Client, translate_errors
from ..errors import RedisUnavailable
from ..server import require_fit
from ..settings import Settings
from ..webhooks import Outbox
from . import settling, syncing
from .deciding import BATCH, Decider, Decision
from .declaring import timetable
from .leases import Lease

log = logs.get_logger("clock")

_NAMED = 50  # schedules whose names are said at start
_ROUNDS = 25  # batches between two looks at everything else
_VERBS = {"enqueued": "Queued", "missed": "Missed", "skipped": "Skipped", "waiting": "Put off"}
_SILENT = {"done", "early", "fenced", "gone", "stale", "paused"}


class Clockwork:
    """One clock. Every public method is safe to call at any time, and survives an outage of Redis."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._lease = Lease(client, settings.release)
        self._decider = Decider(client, settings, self._lease)
        self._settler = settling.Settler(client, settings, self._lease.name)
        self._reaper = recovery.Reaper(client)
        self._outbox = Outbox(client, settings)
        self._retention = retention.Retention(client, settings)
        self._synchronised = False
        self._reachable = True
        self._led: bool | None = None

    @property
    def pace(self) -> float:
        """Seconds between two looks at the lease: a standby looks more often, to take over soon."""
        return 1.0 if self._lease.leads else 0.25

    def start(self) -> None:
        """Say what is declared. Raises ServerUnfit when the server may delete schedules in silence."""
        table = timetable()
        names = [*islice(table.definitions, _NAMED), *["..."][: len(table.definitions) > _NAMED]]
        sentence = f"Starting clock: {len(table.definitions)} schedules [{', '.join(names)}]"
        log.info(sentence, clock=self._lease.name, release=self._settings.release)
        for reason in table.problems.values():
            log.error(reason)
        if self._settings.skip_recurring:
            log.info("SKIP_RECURRING is set: no tick is decided here")
        self._try(lambda: require_fit(self._client))
        self._try(lambda: stats.mark_deploy(self._client, self._settings.release, datetime.now(UTC)))

    def lead(self) -> None:
        """Take or renew the lease; the first time, synchronise."""
        self._try(self._lead)

    def decide(self) -> None:
        """Decide every tick that is due."""
        if self._synchronised:
            self._try(self._decide)

    def seconds_to_next(self, longest: float) -> float:
        """How long nothing will be due."""
        waits: list[float] = []
        if self._synchronised:
            self._try(lambda: waits.append(self._decider.seconds_to_next(longest)))
        return waits[0] if waits else longest

    def promote(self) -> None:
        """Put delayed jobs whose time has come into their queues."""
        if self._lease.leads:
            self._try(lambda: recovery.promote(self._client))

    def reap(self) -> None:
        """Bring back the jobs of dead horses."""
        if self._lease.leads:
            self._try(self._reap)

    def drop_jobs(self) -> None:
        """Drop the jobs that have ended and are kept no longer."""
        if self._lease.leads:
            self._try(self._retention.drop_jobs)

    def trim(self) -> None:
        """Shorten histories and the audit log."""
        if self._lease.leads:
            self._try(self._retention.trim)

    def count(self) -> None:
        """Sum up the counters of finished minutes."""
        if self._lease.leads:
            self._try(lambda: stats.roll_up(self._client))

    def tell(self) -> None:
        """Turn what happened into deliveries of webhooks."""
        if self._lease.leads:
            self._try(self._outbox.send)

    def settle(self) -> None:
        """Note how the jobs of schedules ended, start ticks that waited for that, and go on with backfills."""
        if self._lease.leads and self._synchronised:
            for action in (self._settler.settle, self._settler.start_waiting, self._settler.backfill):
                self._try(action)

    def end(self) -> None:
        """Give the lease back."""
        self._try(self._lease.drop)
        log.info("Stopped the clock")

    def _lead(self) -> None:
        leads = self._lease.hold()
        if leads != self._led:
            log.info("Leading" if leads else "Standing by", fence=self._lease.fence)
        self._led = leads
        if not self._synchronised and not self._settings.skip_recurring:
            self._synchronise()

    def _synchronise(self) -> None:
        report = syncing.synchronise(timetable(), self._client, self._settings, self._lease)
        self._synchronised = True
        if report.outdated:
            log.warning("A newer release has declared its schedules: those of this one are not used")
        for name in report.retired:
            log.warning("Disabled a schedule that the code no longer declares", schedule=name)

    def _decide(self) -> None:
        for _ in range(_ROUNDS):
            due = self._decider.due()
            for decision in self._decider.decide(due):
                _tell(decision)
            if len(due) < BATCH:
                return

    def _reap(self) -> None:
        for reaped in self._reaper.run(time.monotonic()):
            log.warning("took a job from a dead worker", job_id=reaped.job_id, task=reaped.task, fate=reaped.fate)

    def _try(self, action: Callable[[], Any]) -> None:
        """Run something that needs Redis; an outage is told once, and everything is tried again in its turn."""
        try:
            with translate_errors():
                action()
        except RedisUnavailable as error:
            self._lease.fence = ""
            if self._reachable:
                log.error(str(error))
            self._reachable = False
        else:
            if not self._reachable:
                log.info("Redis answers again")
            self._reachable = True


def _tell(decision: Decision) -> None:
    sentence = f"{_VERBS.get(decision.outcome, 'Could not decide')} {decision.definition.id} for {_local(decision)}"
    if decision.outcome == "enqueued":
        log.info(sentence, job_id=decision.detail)
    elif decision.outcome not in _SILENT:
        log.warning(sentence, reason=decision.detail)


def _local(decision: Decision) -> str:
    """The tick on the wall clock of its schedule, without seconds that are zero."""
    moment = decision.definition.local(decision.step.tick)
    return moment.isoformat(timespec="seconds" if moment.second else "minutes")
