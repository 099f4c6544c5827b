"""Write down what a release leaves in Redis, for the tests of its successors.

Run in a checkout of that release, whose code it uses, with a server that may be emptied:

    PYTHONPATH=.:<this folder> REDIS_URL=… NIGHTSHIFT_ENV=test python <this folder>/recording.py > data-<commit>.json
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import mixed_tasks as mixed  # type: ignore[import-not-found]  # in this folder, see above

from jobs import audit, connection, control, cron, enqueue, enqueue_in, every, queues, tokens, with_options
from jobs.claims import Claims
from jobs.dispatch import JobRequest, submit
from jobs.schedules import control as schedule_control
from jobs.schedules.declaring import timetable
from jobs.schedules.leases import Lease
from jobs.schedules.syncing import synchronise
from jobs.settings import current_settings
from jobs.uniqueness import Unique

YEAR = 365 * 86_400
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/app/tasks/mixed.py", line 1, in task\nRuntimeError: recorded\n'
)
NEUTRAL = {"worker_name": b"host.1.abcdef", "exc_string": b64encode(zlib.compress(TRACEBACK.encode()))}
"""Fields that would name the machine on which this was recorded."""
VOLATILE = ("rq:worker", "rq:clean_", "ns:wake:", "ns:clock:lease", "ns:clock:clocks", "ns:full")


def ended() -> dict[str, str]:
    """Jobs that a worker of this release has ended, or begun."""
    jobs = {
        "finished": enqueue(mixed.add, 1, 2),
        "with an artifact": enqueue(mixed.report),
        "dead letter": enqueue(mixed.discard),
        "retry with a checkpoint": enqueue(mixed.resume, 20 * YEAR),
    }
    unreadable = enqueue(mixed.add, 0, 0).id
    connection.client().hset(f"rq:job:{unreadable}", "data", "rubbish")
    command = [sys.executable, "-m", "worker", "--tasks", "mixed_tasks", "--horses", "1", "--burst"]
    subprocess.run(command, check=True, stdout=sys.stderr, env=os.environ | {"LOG_LEVEL": "ERROR"})
    return {name: job.id for name, job in jobs.items()} | {"quarantined": unreadable}


def waiting() -> dict[str, str]:
    """Jobs that nobody has begun, and one whose worker has vanished."""
    started = with_options(mixed.add, queue="high").enqueue(5, 6)
    claims = Claims(connection.client(), "a worker that vanished")
    assert claims.claim(["high"], claims.new_execution(), datetime.now(UTC).timestamp())
    canceled = enqueue(mixed.add, 7, 8)
    control.cancel(canceled.id)
    asked = JobRequest(task="mixed.add", args={"a": 9, "b": 1}, queue="low", idempotency_key="a key", fingerprint="f")
    keyed = submit(asked)
    return {
        "started": started.id,
        "canceled": canceled.id,
        "keyed": keyed.id,
        "waiting": with_options(mixed.add, queue="low", tags=["vip"]).enqueue(3, 4).id,
        "large": with_options(mixed.note, queue="low").enqueue("/dev/null", "x" * 500).id,
        "unique": with_options(mixed.add, queue="low", unique=Unique(until="done")).enqueue(1, 1).id,
        "delayed": enqueue_in(timedelta(days=3000), mixed.add, 2, 2).id,
    }


def schedules() -> None:
    """Two that the code declares, two that people made, one of them paused; a job by hand."""
    every(mixed.add, minutes=1, name="often", args={"a": 1, "b": 1})
    cron(mixed.add, "0 17 * * mon-fri", timezone="Europe/Berlin", name="daily", args={"a": 2, "b": 2}, catchup="latest")
    client, settings = connection.client(), current_settings()
    lease = Lease(client, "v1")
    assert lease.hold()
    synchronise(timetable(), client, settings.model_copy(update={"release": "v1"}), lease)
    lease.drop()
    made = {"task": "mixed.add", "args": {"a": 3, "b": 3}, "every": 3600}
    schedule_control.create({"id": "by-hand", **made}, actor="tests")
    schedule_control.create({"id": "resting", **made}, actor="tests")
    schedule_control.pause("resting", note="for now", actor="tests")
    schedule_control.run_now("by-hand", actor="tests", key="once")


def dump() -> dict[str, Any]:
    """Every key with its type and value, bytes as the characters of the same numbers."""
    client: Any = connection.client()
    names = sorted(key for key in client.scan_iter() if not key.decode().startswith(VOLATILE))
    return {_text(key): [client.type(key).decode(), _value(client, key)] for key in names}


def _value(client: Any, key: bytes) -> Any:
    match client.type(key).decode():
        case "string":
            return _text(client.get(key))
        case "hash":
            return _fields(client.hgetall(key))
        case "list":
            return [_text(item) for item in client.lrange(key, 0, -1)]
        case "set":
            return sorted(_text(item) for item in client.smembers(key))
        case "zset":
            return {_text(item): score for item, score in client.zrange(key, 0, -1, withscores=True)}
        case "stream":
            return [[_text(at), _fields(entry)] for at, entry in client.xrange(key)]
    raise ValueError(f"{key!r} is of an unknown type")


def _fields(raw: dict[bytes, bytes]) -> dict[str, str]:
    return {_text(name): _text(NEUTRAL.get(_text(name), value)) for name, value in sorted(raw.items())}


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


def main() -> None:
    """Make the data and print it."""
    connection.client().flushall()
    jobs = ended() | waiting()
    schedules()
    queues.pause("low", note="for now", by="tests")
    _, token = tokens.create("shop", [tokens.Scope.READ], by="tests", tasks=("mixed.*",))
    audit.note("tests", "job.retry", jobs["dead letter"])
    print(json.dumps({"jobs": jobs, "token": token, "keys": dump()}, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
