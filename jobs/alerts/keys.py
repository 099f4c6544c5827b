"""The names of the Redis keys of alerts."""

from __future__ import annotations

STATE = "ns:alerts"  # hash: rule|subject -> what is known of it (lua/judge_alerts.lua)
OUTBOX = "ns:alerts:outbox"  # stream: messages that were not told yet, one for each channel
LEASE = "ns:alerts:lease"
SUSPENDED = "rq:suspended"
MISSED = "ns:schedules:missed"  # stream: ranges of ticks that will not run (lua/miss_ticks.lua)
