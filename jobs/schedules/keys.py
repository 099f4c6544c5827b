"""The names of the Redis keys of schedules and of the clock. Times in them are milliseconds since 1970, UTC."""

from __future__ import annotations

ALL = "ns:schedules"
"""Sorted set: the ids of all schedules, in the order of their names."""
CODE = "ns:schedules:code"
"""Set: the ids of those that the code declares."""
DUE = "ns:schedules:due"
"""Sorted set: id to when its next tick is to be decided."""
WAITING = "ns:schedules:waiting"
"""Set: the ids of schedules with a tick that waits for the end of the job before it."""
BACKFILLS = "ns:schedules:backfills"
"""Sorted set: the ids of schedules with a backfill, to when its next tick is to be enqueued."""
OPEN = "ns:schedules:open"
"""Sorted set: `<schedule>:<job>` for jobs whose outcome is not in the history yet, to when they were enqueued."""
LEASE = "ns:clock:lease"
"""Hash that expires: holder, fence and release of the leading clock."""
FENCE = "ns:clock:fence"
"""Counter: the fence of the last lease that was taken."""
CLOCKS = "ns:clock:clocks"
"""Sorted set: names of the running clocks, to when they were last seen."""
RELEASE = "ns:clock:release"
"""String: the release whose declarations are in force, in a form that sorts."""
PROBLEMS = "ns:clock:problems"
"""Hash: name of a schedule that the code declares wrongly, to the reason."""


def schedule(schedule_id: str) -> str:
    """Hash: definition and state of a schedule; its fields are in store.py."""
    return f"ns:schedule:{schedule_id}"


def history(schedule_id: str) -> str:
    """Stream, bounded: what was decided for each tick, and how its job ended."""
    return f"ns:schedule:{schedule_id}:history"


def backfill(schedule_id: str) -> str:
    """Hash: the backfill of a schedule that is under way."""
    return f"ns:schedule:{schedule_id}:backfill"


def touched(schedule_id: str) -> list[str]:
    """The keys that every script about one schedule names, in this order."""
    return [schedule(schedule_id), history(schedule_id)]
