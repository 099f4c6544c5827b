"""Schedules: what is enqueued when. `tasks/schedules.py` declares them, the clock decides their ticks."""

from .declaring import cron, every, once
from .definitions import Definition
from .reads import ClockStatus, ScheduleView, clock_status, get_schedule, list_schedules, next_ticks

__all__ = [
    "ClockStatus",
    "Definition",
    "ScheduleView",
    "clock_status",
    "cron",
    "every",
    "get_schedule",
    "list_schedules",
    "next_ticks",
    "once",
]
