"""Claim a job, and settle its attempt: each is one round trip, fenced by an execution id, and may be sent again.

Whoever holds the entry `<job id>:<execution>` in `rq:wip:<queue>` owns the job. Settling removes the entry and does
the rest in the same script, so of two copies of a job only one is ever applied.
"""

from __future__ import annotations

import json
import secrets
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from itertools import count
from typing import Any

from . import keys, records
from .connection import Client, translate_errors
from .histograms import bucket_of
from .records import Job
from .running import AttemptError, Discarded, Failed, Finished, Outcome, PutOff, Quarantined, Retrying, Snoozed
from .scripts import Line, Value, script

LEASE = 9  # seconds that a claim holds without a heartbeat; supervisors renew it every second
_YEAR = 31_536_000
_ENDED_BY_ITSELF = {"finished", "failed", "discarded", "retrying", "snoozed"}
_UNKNOWN: tuple[Value, Value] = ("", "")
_CENTURY = 100 * _YEAR

# What a claim reads of a record, in the order of lua/parts/start.lua; all of it would cost the server a tenth more.
FIELDS = (
    *(b"status", b"attempt", b"data", b"origin", b"created_at", b"enqueued_at", b"run_at", b"timeout"),
    *(b"max_attempts", b"result_ttl", b"failure_ttl", b"tags", b"schedule", b"tick"),
    *(b"idempotency_key", b"traceparent", b"checkpoint", b"error", b"task", b"ended_at", b"v"),
)


@dataclass(frozen=True, slots=True)
class Interrupted:
    """We stopped the attempt, for a deploy: it does not count, and the job goes to the front of its queue."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody stopped the job by RQ's command: it ends in the failed registry, and is not tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Canceled:
    """A person canceled the job while it ran: it ends, unless that was taken back meanwhile."""

    reason: str


Ending = Outcome | Interrupted | Stopped | Canceled


class State(IntEnum):
    """What a settling script found: ours to settle, somebody else's by now, or settled by an earlier sending."""

    STALE = 0
    OWNED = 1
    REPEATED = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """A started attempt: the fence, and what matters of the record as it was when the attempt started."""

    job_id: str
    queue: str
    execution: str
    started_at: float
    record: Mapping[bytes, bytes]

    def job(self) -> Job:
        """The job; raises ValueError, KeyError or TypeError when its record is corrupt."""
        return records.read(self.job_id, self.record)

    def number(self, name: bytes, default: int) -> int:
        """A field of the record as a number, whatever its state."""
        try:
            return int(self.record[name])
        except (KeyError, ValueError):
            return default

    def text(self, name: bytes) -> str:
        """A field of the record as text, whatever its state."""
        return self.record.get(name, b"").decode("utf-8", "replace")

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.number(b"attempt", 1)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an attempt, and the job that was claimed in the same call."""

    state: State
    next: Claim | None
    dependents: bool = False


@dataclass(frozen=True, slots=True)
class Verb:
    """How an ending is written: the script, the word for it, its fields in the attempt's entry, its own arguments."""

    script: str
    outcome: str
    entry: Mapping[str, Value]
    args: Sequence[Value]


class Claims:
    """Claims and settles for one horse, over one client."""

    def __init__(self, client: Client, worker: str) -> None:
        self._line = Line(client)
        self._worker = worker
        # 16 random digits once and a counter: unique like RQ's uuid4().hex, at a tenth of its cost per job.
        self._prefix = secrets.token_hex(8)
        self._numbers = count()

    def new_execution(self) -> str:
        """An id for the next attempt; a call that is sent again must carry the same one."""
        return f"{self._prefix}{next(self._numbers):016x}"

    def claim(self, queues: Sequence[str], execution: str, at: float) -> Claim | None:
        """Start the next job of these queues, best first; None when they are empty. Raises RedisUnavailable."""
        with translate_errors():
            args: list[Value] = [execution, self._worker, rq_time(at), LEASE]
            found = self._line.call(script("claim"), [keys.queue(name) for name in queues], args)
        return _claim(found, execution, at)

    def settle(
        self, claim: Claim, ending: Ending, *, at: float, peak_kb: int, queues: Sequence[str], execution: str
    ) -> Settled:
        """End an attempt and start the next job of these queues (none: start nothing). Raises RedisUnavailable.

        `execution` is for the next attempt; `at` is unix seconds.
        """
        verb = _verb(claim, ending)
        args = settle_args(claim, verb, self._worker, at=at, peak_kb=peak_kb, execution=execution)
        with translate_errors():
            reply = self._line.call(script(verb.script), [keys.queue(name) for name in queues], args)
        return Settled(State(reply[0]), _claim(reply[1], execution, at), dependents=len(reply) > 2 and bool(reply[2]))


def rq_time(at: float) -> str:
    """Unix seconds as RQ writes times into its records."""
    return records.rq_time(datetime.fromtimestamp(at, UTC))


def packed(traceback: str) -> str:
    """A traceback as RQ keeps it."""
    return b64encode(zlib.compress(traceback.encode("utf-8", "replace"))).decode()


def _claim(found: Any, execution: str, at: float) -> Claim | None:
    if not found:
        return None
    job_id, queue, values = found
    record = {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
    return Claim(job_id.decode(), queue.decode(), execution, at, record)


def _verb(claim: Claim, ending: Ending) -> Verb:
    match ending:
        case Finished(result):
            return Verb("finish", "finished", {"return_value": b64encode(result)}, [int(b"error" in claim.record)])
        case Retrying(delay, error):
            return Verb("retry", "retrying", error_fields(error), [delay, "1", error_json(error)])
        case Snoozed(delay):
            return Verb("retry", "snoozed", {}, [delay, "0", ""])
        case PutOff(delay, reason):
            return Verb("retry", "snoozed", {"error_message": reason}, [delay, "0", ""])
        case Failed(error):
            return Verb("fail", "failed", error_fields(error), ["failed", error_json(error)])
        case Discarded(error):
            return Verb("fail", "discarded", error_fields(error), ["failed", error_json(error)])
        case Stopped(reason):
            error = AttemptError("Stopped", reason, "")
            return Verb("fail", "stopped", error_fields(error), ["stopped", error_json(error)])
        case Quarantined(reason):
            error = AttemptError("Quarantined", reason, "")
            return Verb("quarantine", "quarantined", error_fields(error), [error_json(error), reason])
        case Interrupted(reason) | Canceled(reason):
            outcome = "canceled" if isinstance(ending, Canceled) else "interrupted"
            return Verb("release", outcome, {"error_message": reason}, [])


def settle_args(claim: Claim, verb: Verb, worker: str, *, at: float, peak_kb: int, execution: str = "") -> list[Value]:
    """The arguments that every settling script begins with, as listed in lua/parts/settle.lua, and the verb's own."""
    entry = [part for pair in verb.entry.items() for part in pair]
    return [
        *(claim.job_id, claim.queue, claim.execution, execution, worker, rq_time(at), LEASE, _kept_for(claim, verb)),
        *(claim.started_at, at, claim.attempt, verb.outcome, peak_kb),
        *(*_counted(claim, verb, at), len(entry)),
        *entry,
        *verb.args,
    ]


def _counted(claim: Claim, verb: Verb, at: float) -> list[Value]:
    """What the counters say of an attempt: whose it was, how long it ran and how long the job had waited for it."""
    run = _duration(at - claim.started_at) if verb.outcome in _ENDED_BY_ITSELF else _UNKNOWN
    due = _due(claim.record)
    wait = _duration(claim.started_at - due) if due else _UNKNOWN
    return [f"{claim.text(b'task')}|{claim.queue}", *run, *wait]


def _duration(seconds: float) -> tuple[Value, Value]:
    """Its bucket, and microseconds; clocks of two machines may differ."""
    seconds = max(0.0, seconds)
    return bucket_of(seconds), int(seconds * 1_000_000)


def _due(record: Mapping[bytes, bytes]) -> float | None:
    """Since when the job could have been started: it was enqueued, its time came, or an attempt was cut short."""
    try:
        known = [record[name].decode() for name in (b"enqueued_at", b"run_at", b"ended_at") if name in record]
        return max([datetime.fromisoformat(text).timestamp() for text in known])
    except ValueError:
        return None


def error_fields(error: AttemptError) -> dict[str, Value]:
    """An error in an attempt's entry."""
    text = error.traceback or f"{error.type}: {error.message}"
    return {"exc_string": packed(text), "error_type": error.type, "error_message": error.message}


def error_json(error: AttemptError) -> str:
    """An error in the job's record."""
    return json.dumps({"type": error.type, "message": error.message})


def _kept_for(claim: Claim, verb: Verb) -> int:
    """Seconds that the record and its attempts are kept from now on."""
    asked = claim.number(b"result_ttl" if verb.script == "finish" else b"failure_ttl", _YEAR)
    return min(max(asked, 1), _CENTURY)  # the server refuses other numbers, in the middle of a settling script
