"""`demo`: real jobs of all shipped tasks on the files in samples/, and schedules: so that the first screen is alive."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

import tasks
from cli.neighbour import neighbour
from jobs import File, enqueue_in, files, monitor, with_options
from jobs.errors import ScheduleConflict, ScheduleMissing
from jobs.records import Job
from jobs.schedules import control

_SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_SECRET = "whsec_" + "ZGVtb25zdHJhdGlvbiBvbmx5LCBubyBzZWNyZXQ="  # not a secret: both ends of it are in this file
_TAG = "demo"
_LONGEST = 600.0
_SCHEDULES: tuple[dict[str, Any], ...] = (
    {
        "id": "demo.minutely",
        "task": "maintenance.check",
        "every": 60,
        "jitter": 10,
        "description": "Something to watch: is any queue slow?",
    },
    {
        "id": "demo.greeting",
        "task": "mail.send",
        "args": {"to": "night.owl@example.com", "subject": "Good morning", "text": "The night is over."},
        "cron": "30 8 * * mon-fri",
        "timezone": "America/New_York",
        "description": "A mail on every working day, on the clocks of New York.",
    },
)


@click.command()
@click.option("--retire", is_flag=True, help="Take away the schedules of an earlier demo, and do nothing else.")
def demo(retire: bool) -> None:
    """Enqueue jobs on the files in samples/ and serve what they call until they have ended.

    While jobs of an earlier demo are kept, no more are added. bin/dev --demo runs this, with workers that may call this
    machine.
    """
    if retire:
        for fields in _SCHEDULES:
            _remove(fields["id"])
        return
    earlier = monitor.list_jobs(tag=_TAG).jobs
    with neighbour(_SAMPLES / "flights.csv", _SECRET, _port(earlier)) as address:
        ours = earlier or tuple(_jobs(address))
        for fields in _SCHEDULES:
            _create(fields)
        click.echo(f"{len(ours)} demo jobs and {len(_SCHEDULES)} demo schedules are there.")
        _wait_for([job.id for job in ours])


def _jobs(address: str) -> Iterator[Job]:
    photo = _store("rocket.jpg", "image/jpeg")
    flights = _store("flights.csv", "text/csv")
    quick = with_options(tasks.images.thumbnail, queue="high", tags=[_TAG])
    summary, pages, deliver, send = (
        with_options(task, tags=[_TAG])
        for task in (tasks.reports.summary, tasks.imports.pages, tasks.webhooks.deliver, tasks.mail.send)
    )
    for width in (160, 320, 640):
        yield quick.enqueue(photo, width=width, format="webp")
    yield quick.enqueue(flights)  # not a picture: a job that fails, and says why
    yield summary.enqueue(flights, group_by="airline", totals=["distance", "air_time"], title="Flights by airline")
    yield summary.enqueue(flights, group_by="dest", totals=["dep_delay"], title="Delays by destination")
    yield pages.enqueue(f"{address}/flights", items="/flights", rate=2, concurrency=2)
    yield deliver.enqueue(f"{address}/hook", "report.ready", {"report": "flights"}, secret=_SECRET)
    yield send.enqueue("night.owl@example.com", "The flights of January", text="See the file.", attachments=[flights])
    enqueue_in(timedelta(minutes=10), tasks.images.thumbnail, photo, width=480, format="png")  # for the delayed ones
    enqueue_in(timedelta(hours=8), tasks.mail.send, "early.bird@example.com", "Good morning", text="The night is over.")


def _port(jobs: Iterable[Job]) -> int:
    """The port that jobs of an earlier demo call, so that those which still wait are served."""
    addresses = (urlsplit(job.args["url"]) for job in jobs if "url" in job.args)
    return next((address.port or 0 for address in addresses), 0)


def _create(fields: Mapping[str, Any]) -> None:
    """Make a schedule, unless an earlier demo did."""
    with suppress(ScheduleConflict):
        control.create(fields, actor="demo")


def _remove(schedule_id: str) -> None:
    """Remove a schedule, unless somebody did."""
    with suppress(ScheduleMissing):
        control.remove(schedule_id, actor="demo")


def _store(name: str, content_type: str) -> File:
    with (_SAMPLES / name).open("rb") as data:
        return files.store(name, data, content_type)


def _wait_for(job_ids: list[str]) -> None:
    """The import and the webhook call this process, so it stays until they have ended."""
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline:
        if all(job is None or job.status in {"finished", "failed", "canceled"} for job in monitor.find_jobs(job_ids)):
            return
        time.sleep(1)
