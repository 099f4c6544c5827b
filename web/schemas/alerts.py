"""What is wrong now."""

from __future__ import annotations

from pydantic import Field

from jobs.alerts import Rule

from .base import Instant, View


class IncidentView(View):
    """Something that is wrong."""

    rule: Rule
    subject: str = Field(description="Such as a queue or a schedule; empty when it is about all.")
    text: str
    since: Instant


class AlertsView(View):
    """Everything that is wrong, the oldest first."""

    alerts: list[IncidentView]
