"""Push back before the server is full, so that there is always room to finish what was accepted."""

from __future__ import annotations

from redis.exceptions import OutOfMemoryError

from . import keys
from .connection import Client, translate_errors
from .errors import RedisUnavailable

FULL = 0.9  # share of maxmemory from which nothing new is accepted
RETRY_AFTER = 30
_LIFE = 30  # seconds that the mark holds without being set again


def watch(client: Client) -> None:
    """Set or take away the mark that enqueue.lua and file uploads heed. Raises RedisUnavailable."""
    with translate_errors():
        info = client.info("memory")
        if not is_full(info["used_memory"], info.get("maxmemory", 0)):
            client.delete(keys.FULL)
        elif not client.expire(keys.FULL, _LIFE):
            _mark(client)


def _mark(client: Client) -> None:
    try:
        client.set(keys.FULL, 1, ex=_LIFE)
    except OutOfMemoryError:
        pass  # then it refuses whatever is new by itself


def is_full(used: int, most: int) -> bool:
    """Whether so much of the allowed memory is used that nothing new is accepted; 0 allows any amount."""
    return most > 0 and used >= FULL * most


def refuse_when_full(client: Client) -> None:
    """Raises RedisUnavailable while the mark is set."""
    with translate_errors():
        full = client.exists(keys.FULL)
    if full:
        raise full_server()


def full_server() -> RedisUnavailable:
    """What an enqueue or an upload is told."""
    return RedisUnavailable(f"its memory is {FULL:.0%} full; accepted jobs go on", RETRY_AFTER)
