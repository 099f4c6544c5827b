"""From the outbox of alerts to people: by a job, or from here when jobs are what does not run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from .. import connection, descriptions, logs
from .. import keys as job_keys
from ..dispatch import JobRequest, prepare
from ..registry import INTERNAL, task
from ..retries import Retry
from ..scripts import Value, script
from ..settings import Settings, current_settings
from . import keys
from .channels import Message, NotTold, tell

NAME = INTERNAL + "alert"
_AT_ONCE = 50
_TRIED_FOR = timedelta(days=1)

log = logs.get_logger(__name__)

Entry = tuple[bytes, Mapping[bytes, bytes]]


@task(name=NAME, timeout=60, retry=Retry(max=8, base=5, cap=900))
def send(channel: str, message: dict[str, Any]) -> None:
    """Tell people of an incident."""
    times = {name: datetime.fromisoformat(message[name]) for name in ("since", "at")}
    tell(channel, Message(**(message | times)), current_settings())


def tell_all(settings: Settings, *, jobs_run: bool) -> None:
    """Send what is in the outbox; what a channel does not take now waits there for a day. Raises RedisUnavailable."""
    with connection.translate_errors():
        entries = cast("list[Entry]", connection.client().xrange(keys.OUTBOX, count=_AT_ONCE))
        for entry, raw in entries:
            channel, message = _read(entry, raw)
            if not (jobs_run and _hand_over(entry, channel, message, settings)):
                _tell_here(entry, channel, message, settings)


def _hand_over(entry: bytes, channel: str, message: Message, settings: Settings) -> bool:
    """Out of the outbox and into a job, in one step; False when there is no room for one."""
    args = {"channel": channel, "message": _plain(message)}
    request = JobRequest(task=NAME, args=args, job_id=message.id, queue=settings.internal_queue)
    job = prepare(request, settings, datetime.now(UTC))
    names: list[Value] = [keys.OUTBOX, job_keys.FULL, job_keys.queue(job.queue)]
    call = [settings.max_queue_depth, entry, 1, *descriptions.alone(job, settings)]
    return int(script("send_outbox")(names, call, connection.client())) >= 0


def _tell_here(entry: bytes, channel: str, message: Message, settings: Settings) -> None:
    try:
        tell(channel, message, settings)
    except NotTold as error:
        log.warning("An alert was not told", channel=channel, alert=message.text, reason=str(error))
        if datetime.now(UTC) - message.at < _TRIED_FOR:
            return
    connection.client().xdel(keys.OUTBOX, entry)


def _read(entry: bytes, raw: Mapping[bytes, bytes]) -> tuple[str, Message]:
    text = {name.decode(): value.decode() for name, value in raw.items()}
    rule, _, subject = text["name"].partition("|")
    at = datetime.fromtimestamp(int(entry.partition(b"-")[0]) / 1000, UTC)
    since = datetime.fromtimestamp(float(text["since"]), UTC)
    return text["channel"], Message(f"alert_{entry.decode()}", text["kind"], rule, subject, text["text"], since, at)


def _plain(message: Message) -> dict[str, str]:
    named = ("id", "kind", "rule", "subject", "text")
    times = {"since": message.since.isoformat(), "at": message.at.isoformat()}
    return {name: getattr(message, name) for name in named} | times
