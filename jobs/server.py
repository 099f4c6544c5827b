"""The Redis server: what it says of itself, and whether the promise holds on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from redis.exceptions import ResponseError

from .connection import Client, translate_errors
from .errors import ServerUnfit
from .views import ServerView

_OLDEST = (6, 2)


def inspect(client: Client) -> ServerView:
    """Ask the server; raises RedisUnavailable."""
    with translate_errors():
        info = client.info()
        synced = _append_sync(client) if info.get("aof_enabled") else "none"
    return ServerView(
        name=f"{info.get('server_name', 'redis')} {info.get('valkey_version') or info['redis_version']}",
        version=str(info["redis_version"]),
        memory=info["used_memory"],
        max_memory=info.get("maxmemory", 0),
        policy=info.get("maxmemory_policy", "noeviction"),
        durability=synced,
        clients=info["connected_clients"],
    )


def require_fit(client: Client) -> ServerView:
    """Ask the server. Raises ServerUnfit with every problem at once, or RedisUnavailable."""
    found = inspect(client)
    if wrong := problems(found):
        raise ServerUnfit(wrong)
    return found


def problems(found: ServerView) -> list[str]:
    """Why jobs would be lost on this server, one sentence each."""
    checks = {
        f"the Redis server is {found.version}; 6.2 is the oldest that works": _number(found.version) >= _OLDEST,
        f"its eviction policy is {found.policy}, which deletes jobs in silence; set maxmemory-policy noeviction": (
            found.policy == "noeviction"
        ),
    }
    return [sentence for sentence, fine in checks.items() if not fine]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _append_sync(client: Client) -> str:
    """How often the append-only file reaches the disk; managed servers may forbid the question."""
    try:
        found = cast("Mapping[Any, Any]", client.config_get("appendfsync"))
    except ResponseError:
        return "unknown"
    value = next(iter(found.values()), "unknown")
    return value.decode() if isinstance(value, bytes) else str(value)
