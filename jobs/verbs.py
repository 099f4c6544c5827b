"""How the ending of an attempt is written: the script, and the arguments that every settling script begins with."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from . import records
from .histograms import bucket_of
from .records import Job
from .running import AttemptError, Discarded, Failed, Finished, Outcome, PutOff, Quarantined, Retrying, Snoozed
from .scripts import Value

LEASE = 9  # seconds that a claim holds without a heartbeat; supervisors renew it every second
_YEAR = 31_536_000
_CENTURY = 100 * _YEAR
_ENDED_BY_ITSELF = {"finished", "failed", "discarded", "retrying", "snoozed"}
_UNKNOWN: tuple[Value, Value] = ("", "")


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


@dataclass(frozen=True, slots=True)
class Claim:
    """A started attempt: the fence, and what matters of the record as it was when the attempt started.

    `batch` names the batch that it was prefetched in; it is '' when the record says that the attempt has started.
    """

    job_id: str
    queue: str
    execution: str
    started_at: float
    record: Mapping[bytes, bytes]
    batch: str = ""

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
class Ended:
    """An attempt that has ended and is still to be settled; `args` is what the script `verb` is told of it."""

    claim: Claim
    ending: Ending
    verb: str
    args: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Verb:
    """How an ending is written: the script, the word for it, its fields in the attempt's entry, its own arguments."""

    script: str
    outcome: str
    entry: Mapping[str, Value]
    args: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Then:
    """What a settling call does besides: the execution of the job that it starts, and how many it may prefetch.

    `batch` is the one that the attempts belong to; what is left of it goes back, unless it is to be kept.
    """

    execution: str = ""
    more: int = 0
    batch: str = ""
    keep: bool = False

    def args(self, worker: str, at: float) -> list[Value]:
        """The arguments that come before those of the attempts."""
        return [self.execution, worker, rq_time(at), LEASE, self.more, self.batch, int(not self.keep)]


def rq_time(at: float) -> str:
    """Unix seconds as RQ writes times into its records."""
    return records.rq_time(datetime.fromtimestamp(at, UTC))


def ended(claim: Claim, ending: Ending, at: float, peak_kb: int) -> Ended:
    """An attempt that has ended at `at`, in unix seconds."""
    verb = _verb(claim, ending)
    return Ended(claim, ending, verb.script, attempt_args(claim, verb, at, peak_kb))


def _verb(claim: Claim, ending: Ending) -> Verb:
    match ending:
        case Finished(result):
            has_failed = int(b"error" in claim.record)
            return Verb("finish", "finished", {"return_value": b64encode(result).decode()}, [has_failed])
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


def attempt_args(claim: Claim, verb: Verb, at: float, peak_kb: int) -> list[Value]:
    """One attempt as listed in lua/parts/settle.lua, and the verb's own arguments."""
    entry = [part for pair in verb.entry.items() for part in pair]
    return [
        *(claim.job_id, claim.queue, claim.execution, _kept_for(claim, verb)),
        rq_time(claim.started_at) if claim.batch else "",
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


def packed(traceback: str) -> str:
    """A traceback as RQ keeps it."""
    return b64encode(zlib.compress(traceback.encode("utf-8", "replace"))).decode()


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
