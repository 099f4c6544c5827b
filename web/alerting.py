"""Looks around every few seconds in a thread of a web process, and tells people what is wrong (jobs/alerts)."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Thread

from jobs.alerts import Watch
from jobs.logs import get_logger
from jobs.settings import Settings

from .stopping import stopping

log = get_logger(__name__)


def start(settings: Settings) -> None:
    """Begin, once gunicorn has forked; the thread ends with the process."""
    if settings.alert_every:
        Thread(target=_run, args=(Watch(settings), settings.alert_every), name="alerts", daemon=True).start()


def _run(watch: Watch, every: float) -> None:
    while not stopping.wait(every):
        try:
            watch.turn(datetime.now(UTC))
        except Exception:  # whatever it is, the next look may find what people must know
            log.exception("Looking for what is wrong failed")
