"""What a server must be for the promise to hold; a worker does not start on anything less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from redis.exceptions import ResponseError

from jobs.connection import Client, translate_errors
from jobs.errors import NightshiftError

OLDEST = (6, 2)


class ServerUnfit(NightshiftError):
    """The Redis server would lose jobs; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Server:
    """What was found: version for a person, and how durable accepted jobs are: always, everysec or none."""

    version: str
    durability: str


def check(client: Client) -> Server:
    """Look at the server. Raises ServerUnfit with every problem at once, or RedisUnavailable."""
    with translate_errors():
        info = client.info()
        synced = _append_sync(client)
    wrong = problems(info)
    if wrong:
        raise ServerUnfit("; ".join(wrong))
    return Server(_version(info), synced if info.get("aof_enabled") else "none")


def problems(info: Mapping[str, Any]) -> list[str]:
    """What is wrong with a server, one sentence each."""
    version = str(info["redis_version"])
    policy = info.get("maxmemory_policy", "noeviction")
    checks = {
        f"the Redis server is {version}; 6.2 is the oldest that works": _number(version) >= OLDEST,
        f"its eviction policy is {policy}, which deletes jobs in silence; set maxmemory-policy noeviction": (
            policy == "noeviction"
        ),
    }
    return [sentence for sentence, fine in checks.items() if not fine]


def _number(version: str) -> tuple[int, int]:
    major, minor, *_ = version.split(".")
    return int(major), int(minor)


def _version(info: Mapping[str, Any]) -> str:
    name = info.get("server_name", "redis")
    return f"{name} {info.get('valkey_version') or info['redis_version']}"


def _append_sync(client: Client) -> str:
    """How often the append-only file reaches the disk; managed servers may not tell."""
    try:
        found = cast("dict[bytes, bytes]", client.config_get("appendfsync"))
    except ResponseError:
        return "unknown"
    return {name.decode(): value.decode() for name, value in _as_bytes(found).items()}.get("appendfsync", "unknown")


def _as_bytes(found: Mapping[Any, Any]) -> dict[bytes, bytes]:
    return {_bytes(name): _bytes(value) for name, value in found.items()}


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
