"""Webhooks: other services hear what happens to jobs and schedules, signed, and again until they have answered.

The script that ends an attempt notes the event in an outbox in the same step (lua/parts/events.lua), a chore of every
worker and clock makes deliveries of it (outbox.py), and those are jobs like any other (sending.py).
"""

from __future__ import annotations

from .changing import all_webhooks, change, create, delete, get, rotate
from .deliveries import Delivery, list_deliveries, ping, redeliver
from .outbox import Outbox
from .subscriptions import Event, Webhook

__all__ = [
    "Delivery",
    "Event",
    "Outbox",
    "Webhook",
    "all_webhooks",
    "change",
    "create",
    "delete",
    "get",
    "list_deliveries",
    "ping",
    "redeliver",
    "rotate",
]
