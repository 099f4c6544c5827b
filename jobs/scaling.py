"""How many workers would keep each queue within its target: a signal for autoscalers. Reading changes nothing.

A queue needs `load + waiting * mean run / target` horses: those that keep up with what comes in, and those that work
off what waits within the target. docs/metrics.md says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import connection, keys, monitor, queues, stats
from .monitor import QueueView, WorkerView
from .settings import Settings, current_settings
from .tallies import Point

WINDOW = timedelta(minutes=5)  # load is measured over this; it is also how fast a forecast forgets
MEMORY = timedelta(hours=1)  # run times are averaged over this
LONG = 60.0  # seconds: jobs that run longer are counted as they run, since few of them end in a window
_GUESSED_RUN = 1.0  # seconds: what a job is taken to need while nothing is known,
_GUESS_COUNTS = 5  # which weighs as much as so many jobs, so that the first one to end does not decide
_SAMPLE = 100


@dataclass(frozen=True, slots=True)
class QueueScale:
    """What a queue needs. Times are seconds; `load` is horses that are busy on average, `horses` what would be enough.

    `rate` is attempts that ended in a second. A paused queue does not ask for what waits in it.
    """

    name: str
    target: float
    waiting: int
    running: int
    oldest_wait: float | None
    paused: bool
    rate: float
    mean_run: float
    load: float
    horses: float
    workers: int


@dataclass(frozen=True, slots=True)
class Scale:
    """What all these queues together need, when the same workers take jobs from all of them; and what is there."""

    at: datetime
    workers: int
    horses: float
    workers_now: int
    horses_now: int
    horses_per_worker: float
    queues: tuple[QueueScale, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a queue: of the last five minutes, of the last hour, and of the jobs that run now."""

    seconds: float
    recent: Point | None
    past: Point | None
    age_of_running: float

    @property
    def rate(self) -> float:
        """Attempts that ended, in a second."""
        return self.recent.run.count / self.seconds if self.recent else 0.0

    @property
    def mean_run(self) -> float:
        """Seconds that an attempt takes. What those that still run have taken so far counts as well."""
        ended = self.past.run.count if self.past else 0
        spent = self.past.run.total_seconds if self.past else 0.0
        return (spent + self.age_of_running + _GUESSED_RUN * _GUESS_COUNTS) / (ended + _GUESS_COUNTS)

    def load(self, running: int) -> float:
        """Horses that were busy on average."""
        if self.mean_run >= LONG:
            return float(running)
        return self.recent.run.total_seconds / self.seconds if self.recent else 0.0


def scale(now: datetime, only: Sequence[str] = ()) -> Scale:
    """What these queues need, all of them when none is named; raises QueueMissing and RedisUnavailable."""
    for name in only:
        queues.require(name)
    settings = current_settings()
    seen = [queue for queue in monitor.queues(now) if not only or queue.name in only]
    names = {queue.name for queue in seen}
    staff = [worker for worker in monitor.workers() if names & set(worker.queues) and worker.state != "draining"]
    per_worker = _horses_per_worker(staff, settings)
    measured, paused = _measured(now, seen), queues.paused()
    needs = tuple(
        _need(queue, measured[queue.name], paused=queue.name in paused, per_worker=per_worker, settings=settings)
        for queue in seen
    )
    horses = sum(need.horses for need in needs)
    return Scale(
        at=now,
        workers=_workers(horses, per_worker, settings),
        horses=round(horses, 3),
        workers_now=len(staff),
        horses_now=sum(worker.horses for worker in staff),
        horses_per_worker=per_worker,
        queues=needs,
    )


def _need(queue: QueueView, known: Measured, *, paused: bool, per_worker: float, settings: Settings) -> QueueScale:
    target, load = settings.latency_target(queue.name), known.load(queue.started)
    backlog = 0.0 if paused else queue.waiting * known.mean_run / target
    return QueueScale(
        name=queue.name,
        target=target,
        waiting=queue.waiting,
        running=queue.started,
        oldest_wait=queue.oldest_wait,
        paused=paused,
        rate=round(known.rate, 3),
        mean_run=round(known.mean_run, 3),
        load=round(load, 3),
        horses=round(load + backlog, 3),
        workers=_workers(load + backlog, per_worker, settings),
    )


def _workers(horses: float, per_worker: float, settings: Settings) -> int:
    return max(settings.scale_min_workers, math.ceil(round(horses / per_worker, 6)))


def _horses_per_worker(staff: Sequence[WorkerView], settings: Settings) -> float:
    return sum(worker.horses for worker in staff) / len(staff) if staff else float(settings.horses)


def _measured(now: datetime, seen: Sequence[QueueView]) -> Mapping[str, Measured]:
    begin = (now - WINDOW).replace(second=0, microsecond=0)  # counters are kept by the minute
    recent, past = stats.by_queue(begin), stats.by_queue(now - MEMORY)
    ages, seconds = _ages_of_running(now, seen), (now - begin).total_seconds()
    return {
        queue.name: Measured(seconds, recent.get(queue.name), past.get(queue.name), age)
        for queue, age in zip(seen, ages, strict=True)
    }


def _ages_of_running(now: datetime, seen: Sequence[QueueView]) -> list[float]:
    """For each queue, how long its running jobs have run by now, in all; of many a part is asked."""
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for queue in seen:
            pipe.zrange(keys.registry("wip", queue.name), 0, _SAMPLE - 1)
        members: list[list[bytes]] = pipe.execute()
    with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
        for member in (member for found in members for member in found):
            pipe.hget(keys.job(member.decode().rpartition(":")[0]), "started_at")
        started = iter(pipe.execute(raise_on_error=False))
    return [
        sum(_age(next(started), now) for _ in found) * max(1.0, queue.started / max(1, len(found)))
        for queue, found in zip(seen, members, strict=True)
    ]


def _age(started: object, now: datetime) -> float:
    try:
        since = datetime.fromisoformat(started.decode()) if isinstance(started, bytes) else now
    except ValueError:
        return 0.0
    return max(0.0, (now - since.astimezone(UTC)).total_seconds())
