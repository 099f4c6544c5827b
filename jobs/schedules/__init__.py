"""Schedules: what is enqueued when. `tasks/schedules.py` declares them, the clock decides their ticks."""

from .control import Preview, backfill, create, edit, end_backfill, pause, preview, remove, resume, run_now
from .declaring import cron, every, once
from .definitions import Definition
from .history import TickView, history
from .history import since as history_since
from .reads import clock_status, get_schedule, list_schedules, next_ticks
from .views import BackfillView, ClockStatus, ScheduleView

__all__ = [
    "BackfillView",
    "ClockStatus",
    "Definition",
    "Preview",
    "ScheduleView",
    "TickView",
    "backfill",
    "clock_status",
    "create",
    "cron",
    "edit",
    "end_backfill",
    "every",
    "get_schedule",
    "history",
    "history_since",
    "list_schedules",
    "next_ticks",
    "once",
    "pause",
    "preview",
    "remove",
    "resume",
    "run_now",
]
