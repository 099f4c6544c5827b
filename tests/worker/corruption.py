"""Ways in which the record of a waiting job can be unusable, and whether quarantine has kept it as it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from redis import Redis

from jobs import keys

# What a worker may have written before it found out.
_WRITTEN = {
    b"status",
    b"attempt",
    b"started_at",
    b"ended_at",
    b"last_heartbeat",
    b"worker_name",
    b"execution",
    b"error",
}


@dataclass(frozen=True, slots=True)
class Damage:
    """A record as it was after it had been damaged: its bytes, and its fields when it was a hash."""

    job_id: str
    dump: bytes | None
    fields: dict[bytes, bytes]

    def kept(self, redis: Redis) -> bool:
        """Whether quarantine lists the job, and the record is as it was: moved away, or left as a dead letter's."""
        if not redis.hexists(keys.QUARANTINE, self.job_id):
            return False
        if redis.exists(keys.quarantined(self.job_id)) or self.dump is None:
            return _dump(redis, keys.quarantined(self.job_id)) == self.dump
        now = cast("dict[bytes, bytes]", redis.hgetall(keys.job(self.job_id)))
        return all(now.get(name) == value for name, value in self.fields.items() if name not in _WRITTEN)


def _dump(redis: Redis, key: str) -> bytes | None:
    return redis.dump(key)


Kind = Callable[[Redis, str], Damage]


def _missing(redis: Redis, job_id: str) -> Damage:
    redis.delete(keys.job(job_id))
    return Damage(job_id, None, {})


def _a_string(redis: Redis, job_id: str) -> Damage:
    redis.set(keys.job(job_id), os.urandom(200))
    return Damage(job_id, _dump(redis, keys.job(job_id)), {})


def _a_list(redis: Redis, job_id: str) -> Damage:
    redis.delete(keys.job(job_id))
    redis.rpush(keys.job(job_id), "not", "a", "record")
    return Damage(job_id, _dump(redis, keys.job(job_id)), {})


def _without(name: str) -> Kind:
    def damage(redis: Redis, job_id: str) -> Damage:
        redis.hdel(keys.job(job_id), name)
        return _damaged(redis, job_id)

    return damage


def _with(name: str, value: str | bytes) -> Kind:
    def damage(redis: Redis, job_id: str) -> Damage:
        redis.hset(keys.job(job_id), name, cast("str", value))
        return _damaged(redis, job_id)

    return damage


def _damaged(redis: Redis, job_id: str) -> Damage:
    fields = cast("dict[bytes, bytes]", redis.hgetall(keys.job(job_id)))
    return Damage(job_id, _dump(redis, keys.job(job_id)), fields)


def _calling(function: str, *args: object) -> Kind:
    return _with("data", json.dumps([function, None, args, {}]))


KINDS: dict[str, Kind] = {
    "missing": _missing,
    "a string": _a_string,
    "a list": _a_list,
    **{f"no {name}": _without(name) for name in ("status", "data", "origin")},
    "data of bytes": _with("data", b"\x00\xff" * 50),
    "data cut off": _with("data", '["jobs.perform", nul'),
    "data too deep": _with("data", "[" * 20_000),
    "data of another shape": _with("data", "{}"),
    "data empty": _with("data", ""),
    "another function": _calling("os.system", "true"),
    "an unknown task": _calling("jobs.perform", "no.such.task", {}),
    "arguments not by name": _calling("jobs.perform", "bench.noop", ["not", "by", "name"]),
    "a task that is no name": _calling("jobs.perform", {"a": 1}, {}),
    "an unknown status": _with("status", "waiting for Godot"),
    "a status of bytes": _with("status", b"\xff\xfe"),
    "an empty status": _with("status", ""),
    **{f"attempt {value}": _with("attempt", value) for value in ("1e400", "-1e400", "5000000000")},
    "timeout in words": _with("timeout", "soon"),
    "timeout too long": _with("timeout", "9" * 5000),
    "max_attempts 3.5": _with("max_attempts", "3.5"),
    "version too long": _with("v", "9" * 5000),
    **{
        f"{name} rubbish": _with(name, "rubbish")
        for name in ("created_at", "enqueued_at", "run_at", "tags", "checkpoint", "error")
    },
    **{
        f"{name} not text": _with(name, b"\xc3\x28")
        for name in ("origin", "tick", "schedule", "traceparent", "idempotency_key")
    },
}
