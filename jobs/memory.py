"""What uses the server's memory: by kind of data and by task, from a sample of keys.

Few keys are large (lists of queues, the index of jobs, the audit log) and are measured each; the others are many and
alike, so that a sample of them says what all take. SCAN walks the server's hash table, whose order says nothing about
age, kind or task.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from . import connection, keys
from .connection import Client
from .schedules import keys as schedule_keys

SAMPLE = 2000
MOST = 100_000
_PAGE = 500
_PER_JOB = {"records": "rq:job:", "results": "rq:results:", "logs": "ns:log:", "artifacts": "ns:artifacts:"}
_PREFIXES: Mapping[str, str | tuple[str, ...]] = {
    **_PER_JOB,
    "files": "ns:file:",
    "schedules": "ns:schedule",
    "stats": ("ns:stats", "ns:deploys"),
    "keys of requests": ("ns:idem:", "ns:unique:"),
    "quarantine": "ns:quarantine",
    "webhooks and alerts": ("ns:webhook", "ns:alert"),
    "switches": ("ns:paused", "ns:full", "ns:sweep", "ns:suspects", "rq:suspended"),
    "workers and clocks": ("rq:worker", "rq:clean_", "ns:clock:", "ns:wake:"),
    "tokens, sessions, limits": ("ns:token", "ns:session", "ns:limit:", "ns:throttle"),
}
_REGISTRIES = ("wip", "finished", "failed", "scheduled", "canceled", "deferred")


@dataclass(slots=True)
class Use:
    """How many keys, and how many bytes; estimates, unless every key was measured."""

    keys: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """One more key."""
        self.keys += 1
        self.bytes += size


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """What uses the server; sizes are bytes.

    `used` is what the server says it uses, `max_memory` what it may (0: any amount), `keys` how many it holds and
    `measured` how many of them were looked at: all of them when the two are equal. `kinds` and each of `tasks` (by
    name, then by kind; files are those of artifacts) come largest first. `waiting_job` and `finished_job` are what one
    takes in all its places; None when none was seen.
    """

    used: int
    max_memory: int
    keys: int
    measured: int
    kinds: Mapping[str, Use]
    tasks: Mapping[str, Mapping[str, Use]]
    waiting_job: int | None
    finished_job: int | None


class _Sample:
    """What was measured so far."""

    def __init__(self) -> None:
        self.kinds: dict[str, Use] = defaultdict(Use)
        self.tasks: dict[str, dict[str, Use]] = defaultdict(lambda: defaultdict(Use))
        self.states: dict[str, dict[str, Use]] = defaultdict(lambda: defaultdict(Use))
        self.measured = 0

    def add(self, kind: str, size: int, job: Sequence[bytes | None]) -> None:
        """A key of a kind, and the task and status of the job that it belongs to."""
        self.measured += 1
        self.kinds[kind].add(size)
        task, status = ((part or b"").decode("utf-8", "replace") for part in job)
        if kind in _PER_JOB:
            self.tasks[task or "?"][kind].add(size)
            self.states[status][kind].add(size)

    def grow(self, factor: float) -> None:
        """From the sample to the whole."""
        for use in [*self.kinds.values(), *(use for uses in self.tasks.values() for use in uses.values())]:
            use.keys, use.bytes = round(use.keys * factor), round(use.bytes * factor)

    def per_job(self, *statuses: str) -> int | None:
        """Bytes of one job in these states, without its places in lists."""
        uses = [use for status in statuses for use in self.states[status].values()]
        jobs = sum(self.states[status]["records"].keys for status in statuses)
        return round(sum(use.bytes for use in uses) / jobs) if jobs else None


def report(sample: int = SAMPLE) -> MemoryReport:
    """Measure at most about `sample` keys beside the large ones; raises RedisUnavailable."""
    client = connection.client()
    with connection.translate_errors():
        info = client.info("memory")
        large = _large(client)
        places = _measured_each(client, large)
        found = _measure(client, frozenset(large), sample)
        total = client.dbsize()
        shares = _shares(client)
    found.grow(max(1.0, (total - sum(use.keys for use in places.values())) / max(1, found.measured)))
    waiting, finished = found.per_job("queued", "scheduled"), found.per_job("finished")
    return MemoryReport(
        used=info["used_memory"],
        max_memory=info.get("maxmemory", 0),
        keys=total,
        measured=min(total, found.measured + sum(use.keys for use in places.values())),
        kinds=_together(found.kinds, places),
        tasks=dict(sorted(found.tasks.items(), key=lambda task: -sum(use.bytes for use in task[1].values()))),
        waiting_job=None if waiting is None else waiting + shares["waiting"] + shares["index"],
        finished_job=None if finished is None else finished + shares["finished"] + shares["index"],
    )


def _large(client: Client) -> dict[str, str]:
    """The keys that hold many entries, and their kinds."""
    queues = _queue_names(client)
    registries = [keys.registry(kind, queue) for queue in queues for kind in _REGISTRIES]
    schedules = [schedule_keys.ALL, schedule_keys.CODE, schedule_keys.DUE, schedule_keys.OPEN]
    return {
        **dict.fromkeys([keys.QUEUES, *map(keys.queue, queues)], "queues"),
        **dict.fromkeys(registries, "registries"),
        **dict.fromkeys(schedules, "schedules"),
        keys.JOBS: "index of jobs",
        keys.AUDIT: "audit log",
        keys.QUARANTINE: "quarantine",
    }


def _queue_names(client: Client) -> list[str]:
    return [key.decode().removeprefix("rq:queue:") for key in cast("set[bytes]", client.smembers(keys.QUEUES))]


def _measured_each(client: Client, names: Mapping[str, str]) -> dict[str, Use]:
    found: dict[str, Use] = defaultdict(Use)
    for name, size in zip(names, _sizes(client, names), strict=True):
        if size:
            found[names[name]].add(size)
    return found


def _measure(client: Client, passed_over: frozenset[str], most: int) -> _Sample:
    found = _Sample()
    names = (key.decode("utf-8", "replace") for key in client.scan_iter(count=_PAGE))
    wanted = islice((name for name in names if name not in passed_over), min(most, MOST))
    while page := list(islice(wanted, _PAGE)):
        owners = _owners(client, page)
        for name, size, owner in zip(page, _sizes(client, page), owners, strict=True):
            if size:  # else it has expired meanwhile
                found.add(_kind(name), size, owner)
        _add_files(client, found, page, owners)
    return found


def _sizes(client: Client, names: Mapping[str, str] | Sequence[str]) -> list[int | None]:
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.memory_usage(name)
        return cast("list[int | None]", pipe.execute())


def _owners(client: Client, names: Sequence[str]) -> list[Sequence[bytes | None]]:
    """Task and status of the job that each key belongs to."""
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hmget(keys.job(_job_of(name)), ["task", "status"])
        replies = pipe.execute(raise_on_error=False)
    return [(None, None) if isinstance(reply, Exception) else reply for reply in replies]


def _add_files(client: Client, found: _Sample, names: Sequence[str], owners: Sequence[Sequence[bytes | None]]) -> None:
    """Files of artifacts belong to the task of their job; as a kind they are counted where SCAN meets them."""
    having = [(name, owner[0]) for name, owner in zip(names, owners, strict=True) if _kind(name) == "artifacts"]
    if not having:
        return
    with client.pipeline(transaction=False) as pipe:
        for name, _ in having:
            pipe.hvals(name)
        files = cast("list[list[bytes]]", pipe.execute())
    pairs = [
        (keys.file_bytes(file.decode()), task) for named, (_, task) in zip(files, having, strict=True) for file in named
    ]
    for (_, task), size in zip(pairs, _sizes(client, [name for name, _ in pairs]), strict=True):
        found.tasks[(task or b"?").decode("utf-8", "replace")]["files"].add(size or 0)


def _job_of(name: str) -> str:
    prefixes = _PER_JOB.values()
    return next((name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)), "-")


def _kind(name: str) -> str:
    return next((kind for kind, prefix in _PREFIXES.items() if name.startswith(prefix)), "other")


def _shares(client: Client) -> dict[str, int]:
    """What one entry takes in a queue's list, in a registry, and in the index."""
    queues = _queue_names(client)
    return {
        "waiting": _share(client, [(keys.queue(name), client.llen) for name in queues]),
        "finished": _share(client, [(keys.registry("finished", name), client.zcard) for name in queues]),
        "index": _share(client, [(keys.JOBS, client.zcard)]),
    }


def _share(client: Client, counted: Sequence[tuple[str, Any]]) -> int:
    entries = sum(cast("int", count(name)) for name, count in counted)
    sizes = _sizes(client, [name for name, _ in counted])
    return round(sum(size or 0 for size in sizes) / entries) if entries else 0


def _together(*parts: Mapping[str, Use]) -> dict[str, Use]:
    """The kinds of both, the largest first."""
    kinds: dict[str, Use] = defaultdict(Use)
    for kind, use in (pair for part in parts for pair in part.items()):
        kinds[kind] = Use(kinds[kind].keys + use.keys, kinds[kind].bytes + use.bytes)
    return dict(sorted(kinds.items(), key=lambda kind: -kind[1].bytes))
