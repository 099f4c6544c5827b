"""Send many scripts in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import NoScriptError, ResponseError

from ..connection import Client
from ..scripts import Script, Value
from . import keys

_EFFECTS = {b"enqueued", b"waiting", b"skipped", b"missed", b"saved"}


@dataclass(frozen=True, slots=True)
class Call:
    """One script about one schedule."""

    schedule_id: str
    script: Script
    args: Sequence[Value]


def send(client: Client, calls: Sequence[Call]) -> list[Any]:
    """The reply of each, or the ResponseError of one that failed; raises the driver's other errors."""
    replies = _pipelined(client, calls)
    if any(isinstance(reply, NoScriptError) for reply in replies):
        for text in {call.script.text for call in calls}:
            client.script_load(text)
        again = _pipelined(client, calls)
        # A call that took effect the first time is refused the second time.
        replies = [old if _took_effect(old) else new for old, new in zip(replies, again, strict=True)]
    for reply in replies:
        if isinstance(reply, Exception) and not isinstance(reply, ResponseError):
            raise reply
    return replies


def _took_effect(reply: Any) -> bool:
    return not isinstance(reply, Exception) and (reply[0] if isinstance(reply, list) else reply) in _EFFECTS


def _pipelined(client: Client, calls: Sequence[Call]) -> list[Any]:
    with client.pipeline(transaction=False) as pipe:
        for call in calls:
            touched = keys.touched(call.schedule_id)
            pipe.evalsha(call.script.sha, len(touched), *touched, *call.args)
        return pipe.execute(raise_on_error=False)
