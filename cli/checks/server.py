"""The Redis server: whether it keeps jobs, has room for them, and shares our time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from cli.checks.findings import Finding, advice, problem
from cli.words import size, span
from jobs import connection, pressure
from jobs.server import problems
from jobs.settings import Settings
from jobs.views import ServerView

_SCARCE = 0.75
_NOTICEABLE, _HARMFUL = 1.0, 10.0  # seconds between the clocks


def of_fitness(server: ServerView) -> Iterator[Finding]:
    """Version and eviction."""
    yield from (problem("Redis", sentence) for sentence in problems(server))


def of_server(server: ServerView, settings: Settings) -> Iterator[Finding]:
    """Durability, room and time. Raises RedisUnavailable."""
    if server.durability == "none":
        remedy = "set appendonly yes, or take a plan that persists"
        yield advice("Redis", f"keeps no append-only file: accepted jobs are lost when it restarts; {remedy}")
    elif server.durability == "no":
        yield advice("Redis", "writes to disk when the system likes; set appendfsync everysec")
    yield from _of_room(server, settings)
    yield from of_skew(_skew())


def _of_room(server: ServerView, settings: Settings) -> Iterator[Finding]:
    used, most = server.memory, server.max_memory
    if not most:
        yield advice("Redis", "has no maxmemory: it grows until the system ends it; set one a little below what it has")
    elif pressure.is_full(used, most):
        text = f"{size(used)} of {size(most)} are used, so nothing new is accepted; empty queues or take a larger plan"
        yield problem("Redis", text)
    elif used > _SCARCE * most:
        yield advice("Redis", f"{size(used)} of {size(most)} are used; at {pressure.FULL:.0%} nothing new is accepted")
    if most and settings.file_max_bytes > most - used:
        free = size(max(0, most - used))
        allowed = size(settings.file_max_bytes)
        text = f"allows files of {allowed}, but Redis has {free} left; lower it or take a larger plan"
        yield advice("FILE_MAX_BYTES", text)


def of_skew(seconds: float) -> Iterator[Finding]:
    """How far this machine's clock is ahead of the server's."""
    if abs(seconds) <= _NOTICEABLE:
        return
    made = problem if abs(seconds) > _HARMFUL else advice
    direction = "ahead of" if seconds > 0 else "behind"
    difference = f"this machine is {span(abs(seconds))} {direction} the Redis server"
    yield made("clock", f"{difference}; delayed jobs start that much off: run NTP on both")


def _skew() -> float:
    """The server's time is that of the middle of the call."""
    with connection.translate_errors():
        before = time.time()
        seconds, micros = connection.client().time()
        after = time.time()
    return (before + after) / 2 - (seconds + micros / 1_000_000)
