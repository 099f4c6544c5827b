"""Alerts without other tools: rules, incidents, and messages to people by mail, Slack or a signed webhook."""

from __future__ import annotations

from .incidents import Incident, active
from .readings import Rule
from .watch import Watch

__all__ = ["Incident", "Rule", "Watch", "active"]
