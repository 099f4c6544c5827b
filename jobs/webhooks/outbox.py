"""From the outbox to deliveries: what the scripts have noted becomes one job for each webhook that asked for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from .. import descriptions, logs
from .. import keys as job_keys
from ..connection import Client, translate_errors
from ..dispatch import JobRequest, prepare
from ..errors import ArgumentsTooLarge, InvalidArguments
from ..scripts import Value, script
from ..settings import Settings
from . import keys, payloads
from .deliveries import LEAST_FAILURES
from .payloads import Data, Happening
from .sending import NAME
from .subscriptions import Webhook, load

BATCH = 100
_BUDGET = 0.3  # seconds of one turn: who calls this has other chores
_LEASE = 900  # milliseconds
_WAITS = 3 * 86_400  # seconds: all attempts of a delivery take half of that

log = logs.get_logger(__name__)

_Raw = tuple[bytes, Mapping[bytes, bytes]]


class Outbox:
    """Empties the outbox, for one process.

    Every worker and clock may do so at once: the script takes an entry away and stores its deliveries in one step, so
    an event is neither lost nor delivered twice over. The lease only saves them from reading the same entries.
    """

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._settings = client, settings
        self._name = secrets.token_hex(8).encode()

    def send(self) -> int:
        """Turn entries into jobs for a moment; gives how many jobs were made. Raises RedisUnavailable."""
        made, until = 0, time.monotonic() + _BUDGET
        with translate_errors():
            while (entries := self._entries()) and self._leads() and time.monotonic() < until:
                stored = self._store(entries)
                if stored is None:
                    self._keep_bounded()
                    break
                made += stored
        return made

    def _entries(self) -> list[_Raw]:
        return cast("list[_Raw]", self._client.xrange(keys.OUTBOX, count=BATCH))

    def _leads(self) -> bool:
        taken = self._client.set(keys.LEASE, self._name, nx=True, px=_LEASE)
        return bool(taken) or self._client.get(keys.LEASE) == self._name

    def _store(self, entries: Sequence[_Raw]) -> int | None:
        """None when the server has no room for more jobs: the entries wait where they are."""
        settings, webhooks = self._settings, load(self._client)
        names: list[Value] = [keys.OUTBOX, job_keys.FULL, job_keys.queue(settings.delivery_queue)]
        args: list[Value] = [settings.max_queue_depth]
        deliveries = self._deliveries(entries, webhooks)
        for entry, _ in entries:
            calls = deliveries.get(entry, [])
            args += [entry, len(calls), *(part for call in calls for part in call)]
        self._count(webhooks, [str(call[0]) for calls in deliveries.values() for call in calls])
        made = int(script("send_outbox")(names, args, self._client))
        return None if made < 0 else made

    def _keep_bounded(self) -> None:
        """Events that wait for room must not be what fills the server: of too many the oldest are dropped."""
        dropped = script("trim_outbox")([keys.OUTBOX], [self._settings.webhook_max_waiting], self._client)
        if dropped:
            log.error("Events are dropped: there is no room for more deliveries", events=dropped)

    def _count(self, webhooks: Sequence[Webhook], jobs: Sequence[str]) -> None:
        """A receiver that is away must not fill the server: who fails, and has too many waiting, is switched off.

        They are counted before they are stored: a horse may be done with one before we could do so afterwards.
        """
        for hook in webhooks:
            if own := [job for job in jobs if job.startswith(f"{hook.id}-")]:
                waiting = self._waiting(keys.waiting(hook.id), own)
                if waiting >= self._settings.webhook_max_waiting and hook.failures >= LEAST_FAILURES:
                    self._switch_off(hook, f"{waiting:,} deliveries are waiting for it")

    def _waiting(self, key: str, more: Sequence[str]) -> int:
        """How many wait with these. One that a person deleted, or that crashed, is waited for until it is too old."""
        now = time.time()
        self._client.zadd(key, dict.fromkeys(more, now))
        self._client.zremrangebyscore(key, "-inf", now - _WAITS)
        return self._client.zcard(key)

    def _switch_off(self, hook: Webhook, reason: str) -> None:
        names: list[Value] = [keys.webhook(hook.id), keys.ALL, keys.KINDS]
        if script("switch_off_webhook")(names, [hook.id, reason], self._client):
            log.warning("Webhook switched off", webhook=hook.id, url=hook.url, reason=reason)

    def _deliveries(self, entries: Sequence[_Raw], webhooks: Sequence[Webhook]) -> dict[bytes, list[list[Value]]]:
        """The jobs of each entry, as the script takes them."""
        happenings = [happening for entry in entries if (happening := _read(*entry))]
        wanted = [one for one in happenings if any(hook.wants(one.type, one.task) for hook in webhooks)]
        found = zip(wanted, payloads.load(wanted, self._client), strict=True)
        return {one.entry.encode(): self._calls(webhooks, one, raw) for one, raw in found}

    def _calls(self, webhooks: Sequence[Webhook], one: Happening, raw: object) -> list[list[Value]]:
        """The jobs of one entry; none for an event that cannot be told: it must not stand in the way of the others."""
        try:
            data = payloads.data_of(one, raw)
            return [self._call(hook, one, data) for hook in webhooks if hook.wants(one.type, one.task)]
        except (KeyError, ValueError, ArgumentsTooLarge, InvalidArguments) as error:
            _dropped(one.entry, error)
            return []

    def _call(self, hook: Webhook, happening: Happening, data: Data) -> list[Value]:
        if hook.traceback and data.get("error"):
            data = data | {"traceback": payloads.traceback_of(happening, self._client)}
        now = datetime.now(UTC)
        try:
            job = prepare(self._request(hook, happening, data), self._settings, now)
        except ArgumentsTooLarge:
            job = prepare(self._request(hook, happening, payloads.briefly(data)), self._settings, now)
        return descriptions.alone(job, self._settings)

    def _request(self, hook: Webhook, happening: Happening, data: Data) -> JobRequest:
        args: dict[str, Any] = {
            "webhook": hook.id,
            "event": happening.id,
            "type": happening.type.value,
            "timestamp": happening.at,
            "data": data,
        }
        job_id = f"{hook.id}-{happening.id}"
        return JobRequest(task=NAME, args=args, job_id=job_id, queue=self._settings.delivery_queue)


def _read(entry: bytes, raw: Mapping[bytes, bytes]) -> Happening | None:
    try:
        return payloads.read(entry, raw)
    except (KeyError, ValueError) as error:
        _dropped(entry.decode(), error)
        return None


def _dropped(entry: str, error: Exception) -> None:
    log.error("An event cannot be told and is dropped", entry=entry, reason=str(error))
