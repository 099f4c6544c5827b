"""`bin/jobs tail`: follow what a job logs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from cli import complete, words
from cli.commands import Command, as_json
from cli.output import emit_line, note, say
from cli.waiting import ENDED, exit_code, verdict
from jobs import monitor
from jobs.records import Job

Line = dict[str, Any]
_PAUSE = 0.4  # seconds between two looks


@click.command(
    cls=Command, examples=["tail 5f0c1d6f0a3b4c0e9a7c3f1e2d4b5a69", "tail --no-follow 5f0c1d6f… --json | jq .message"]
)
@click.argument("job_id", metavar="JOB", shell_complete=complete.job_ids)
@click.option(
    "-n", "--lines", "last", type=click.IntRange(0, 1000), default=20, show_default=True, help="Begin with these."
)
@click.option("--follow/--no-follow", default=True, help="Stay until the job has ended, through all its attempts.")
def tail(job_id: str, last: int, follow: bool) -> None:
    """Print the log of a job, and follow it; with --json one object per line."""
    monitor.get_job(job_id)
    try:
        for line in _lines(job_id, last, follow=follow):
            _print(line)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    if follow:
        _end(monitor.get_job(job_id))


def _end(job: Job) -> None:
    """As other commands that wait: exit code 3 for a job that did not finish."""
    if not as_json():
        note(verdict(job))
    raise SystemExit(exit_code(job))


def _lines(job_id: str, last: int, *, follow: bool) -> Iterator[Line]:
    """The status is read before the lines, so that the last ones of a job that ends meanwhile are not lost."""
    ended = monitor.get_job(job_id).status in ENDED
    seen = monitor.log_lines(job_id)
    yield from seen[len(seen) - last :] if last < len(seen) else seen
    while follow and not ended:
        time.sleep(_PAUSE)
        ended = monitor.get_job(job_id).status in ENDED
        before, seen = seen, monitor.log_lines(job_id)
        yield from fresh(before, seen)


def fresh(before: Sequence[Line], seen: Sequence[Line]) -> Sequence[Line]:
    """The lines that are new; only the newest 1,000 are kept, so the old ones may have moved up or gone."""
    for gone in range(len(before) + 1):
        kept = len(before) - gone
        if before[gone:] == seen[:kept]:
            return seen[kept:]
    return seen


def _print(line: Line) -> None:
    at = datetime.fromtimestamp(line["at"], UTC)
    fields = {name: value for name, value in line.items() if name not in {"at", "attempt", "message"}}
    if as_json():
        emit_line({"at": at, "attempt": line["attempt"], "message": line["message"], "fields": fields})
        return
    more = "".join(f" {name}={json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())
    say(f"{words.at(at)[11:19]} #{line['attempt']} {line['message']}{more}")
