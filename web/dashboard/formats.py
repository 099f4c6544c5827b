"""How values look on a page: instants, sizes, counts, states, redacted arguments."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from flask import Flask

from jobs import redaction
from jobs.records import Job, Progress
from jobs.redaction import redacted
from jobs.schedules.definitions import Definition
from jobs.schedules.views import ScheduleView

from .tracebacks import own_frames

_TONES = {"started": "run", "finished": "good", "failed": "bad", "stopped": "warn", "retrying": "warn"}
_WORDS = {"queued": "waiting", "started": "running"}
_FILE = re.compile(r"file_[0-9a-f]{32}")
_VALUE, _LINE, _READABLE = 60, 160, 20_000
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def install(app: Flask) -> None:
    """Make the filters known to the templates."""
    times, amounts = (iso, instant, wall, span, took), (thousands, size, percent, counted)
    for function in (*times, *amounts, tone, state_word, status_word, arguments, pretty, summary, own_frames):
        app.jinja_env.filters[function.__name__] = function
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def iso(at: datetime) -> str:
    """An instant for machines, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(at: datetime) -> str:
    """An instant for people; a script on the page turns it into a distance."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def wall(at: datetime) -> str:
    """A tick on the wall clock of its own time zone."""
    return at.strftime("%a %d %b %Y, %H:%M:%S" if at.second else "%a %d %b %Y, %H:%M")


def sentence(error: Exception) -> str:
    """An error as a sentence of its own."""
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def thousands(number: float) -> str:
    """A count with separators."""
    return f"{number:,.0f}"


def size(count: float) -> str:
    """A number of bytes."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"


def span(seconds: float | None) -> str:
    """A duration in its two largest units: `0.42 s`, `3 min 20 s`."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    return _long_span(int(seconds))


def _long_span(seconds: int) -> str:
    parts: list[str] = []
    for unit, length in _UNITS:
        if seconds >= length or parts:
            parts.append(f"{seconds // length} {unit}")
            seconds %= length
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def took(job: Job) -> str:
    """How long the last attempt ran."""
    ended = job.ended_at if job.status in {"finished", "failed"} else None
    return span((ended - job.started_at).total_seconds() if ended and job.started_at else None)


def status_word(status: str) -> str:
    """A state in the words of the pages."""
    return _WORDS.get(status, status)


def state_word(job: Job) -> str:
    """The state of a job; one that waits to be tried again is told from one that waits for its time."""
    return "retrying" if _waits_to_retry(job) else status_word(job.status)


def tone(job: Job) -> str:
    """The colour class of a job's state."""
    return _TONES.get(state_word(job), _TONES.get(job.status, "calm"))


def _waits_to_retry(job: Job) -> bool:
    return job.status == "scheduled" and job.attempt > 0


def percent(progress: Progress) -> str:
    """How far, as a whole percentage that is 100 only at the end."""
    share = progress.done / progress.total if progress.total else 0
    return f"{min(int(share * 100), 100)} %"


def counted(progress: Progress) -> str:
    """What is done and, where it is known, of how much."""
    of = f" of {thousands(progress.total)}" if progress.total else ""
    return f"{thousands(progress.done)}{of}"


def arguments(of: Job | Definition | ScheduleView) -> dict[str, Any]:
    """The arguments of a job or a schedule as they may be shown: also without what its task marks as Secret."""
    return redaction.arguments(of.task, of.args)


def pretty(value: Any) -> str:
    """JSON over several lines, secrets hidden; no more of it than somebody reads on a page that is polled."""
    text = json.dumps(redacted(value), indent=2, ensure_ascii=False, default=str)
    rest = len(text) - _READABLE
    return text if rest <= 0 else f"{text[:_READABLE]}\n… and {rest:,} characters more, which the API has"


def summary(args: dict[str, Any]) -> str:
    """Arguments on one line, secrets hidden and long values cut: a list of jobs must not carry 64 KB a row."""
    shown = (f"{key}: {_brief(item)}" for key, item in redacted(args).items())
    return ", ".join(islice(shown, 12))[:_LINE]


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if _FILE.fullmatch(text):
        return text[:13] + "…"
    return text if len(text) <= _VALUE else text[:_VALUE] + "…"
