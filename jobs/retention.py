"""What is dropped, and when: jobs that have ended, histories of schedules, the audit log, what was quarantined.

By age and by number, as the settings say. Any worker and any clock may do it as often as they like: each step is one
atomic call that looks at a bounded number of entries, so that the server is never kept from its work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from . import keys
from .connection import Client, translate_errors
from .schedules import keys as schedule_keys
from .scripts import script
from .settings import Settings

BATCH = 100  # jobs in one step: about a millisecond of the server
_LONGEST = 0.5  # seconds that one call of `drop_jobs` goes on
_PAGE = 200  # histories, or quarantined records, in one step


class Retention:
    """Drops what is over; it remembers how far the last step came."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._settings = client, settings
        self._schedule = self._quarantined = 0

    def drop_jobs(self) -> int:
        """Drop ended jobs, batch by batch, for half a second at most; gives their number. Raises RedisUnavailable."""
        kept = self._settings
        limits = [BATCH, kept.canceled_ttl, kept.keep_finished, kept.keep_failed, kept.keep_canceled]
        dropped, until = 0, time.monotonic() + _LONGEST
        with translate_errors():
            while True:
                seen = int(script("retain")([keys.QUEUES], limits, self._client))
                dropped += seen
                if seen < BATCH or time.monotonic() > until:
                    return dropped

    def trim(self) -> None:
        """Shorten the audit log and the next histories, and forget old quarantined records. Raises RedisUnavailable."""
        with translate_errors():
            now = datetime.fromtimestamp(self._client.time()[0], UTC)
            self._trim_streams(now)
            self._trim_quarantine(now)

    def _trim_streams(self, now: datetime) -> None:
        kept = self._settings
        last = self._schedule + _PAGE - 1
        ids = cast("list[bytes]", self._client.zrange(schedule_keys.ALL, self._schedule, last))
        self._schedule = last + 1 if len(ids) == _PAGE else 0
        with self._client.pipeline(transaction=False) as pipe:
            _shorten(pipe, keys.AUDIT, kept.keep_audit, now - timedelta(seconds=kept.audit_ttl))
            for schedule_id in ids:
                oldest = now - timedelta(seconds=kept.history_ttl)
                _shorten(pipe, schedule_keys.history(schedule_id.decode()), kept.keep_history, oldest)
            pipe.execute(raise_on_error=False)  # a key of another type must not keep the others from it

    def _trim_quarantine(self, now: datetime) -> None:
        """The list of what could not be run; it has no order, so of too many those that come first are forgotten."""
        surplus = self._client.hlen(keys.QUARANTINE) - self._settings.keep_failed
        cursor, page = cast(
            "tuple[int, Mapping[bytes, bytes]]", self._client.hscan(keys.QUARANTINE, self._quarantined, count=_PAGE)
        )
        self._quarantined = cursor
        old = list(_older(page, now - timedelta(seconds=self._settings.failure_ttl)))
        gone = old + [job_id for job_id in page if job_id not in old][: max(0, surplus - len(old))]
        if gone:
            self._client.hdel(keys.QUARANTINE, *gone)
            self._client.unlink(*(keys.quarantined(job_id.decode()) for job_id in gone))


def _shorten(pipe: Any, key: str, most: int, oldest: datetime) -> None:
    pipe.xtrim(key, maxlen=most, approximate=False)
    pipe.xtrim(key, minid=int(oldest.timestamp() * 1000), approximate=False)


def _older(page: Mapping[bytes, bytes], than: datetime) -> Iterator[bytes]:
    for job_id, entry in page.items():
        try:
            at = datetime.fromisoformat(json.loads(entry)["at"])
        except (ValueError, KeyError, TypeError):
            continue  # written by nobody of us: it goes when there are too many
        if at < than:
            yield job_id
