"""What a person may do in the pages: one table, and whatever does not stand in it is an admin's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from jobs.tokens import Caller, Scope
from web.access import caller
from web.calls import call
from web.problems import Refused


class Role(StrEnum):
    """How much of the pages a person has; the scopes of the API behind it decide."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_NEEDS: Mapping[str, tuple[str, ...]] = {
    Scope.READ: (
        *("overview", "jobs", "count", "job", "download", "failures", "queues", "schedules", "schedule"),
        *("workers", "tasks", "settings", "logout"),
    ),
    Scope.ENQUEUE: ("new_job", "enqueue", "curl"),
    Scope.OPERATE: (
        *("one", "selected", "act", "pause", "resume", "empty", "pause_all", "resume_all", "stop", "drain"),
        *("run_now", "pause_schedule", "resume_schedule", "backfill", "end_backfill"),
        *("webhooks", "webhook", "test_webhook", "redeliver"),
    ),
    Scope.ADMIN: (
        *("new_schedule", "create_schedule", "preview", "edit_schedule", "save_schedule", "remove_schedule"),
        *("auditlog", "create_token", "revoke_token"),
        *("create_webhook", "switch_webhook", "rotate_webhook", "delete_webhook"),
    ),
}
NEEDS: Mapping[str, Scope] = {f"dashboard.{name}": Scope(scope) for scope, names in _NEEDS.items() for name in names}
"""The scope that each page and action needs."""


def role_of(someone: Caller) -> Role | None:
    """The role that goes with the scopes of a token; None when they open no page."""
    roles = ((Scope.ADMIN, Role.ADMIN), (Scope.OPERATE, Role.OPERATOR), (Scope.READ, Role.VIEWER))
    return next((role for scope, role in roles if scope in someone.scopes), None)


def in_pages(someone: Caller) -> Caller:
    """The same caller in the pages: who operates has to see, and who makes tokens could take any scope."""
    scopes = frozenset(Scope) if Scope.ADMIN in someone.scopes else someone.scopes | {Scope.READ}
    return replace(someone, scopes=scopes)


def may(endpoint: str) -> bool:
    """Whether the person who is logged in may open this page or do this."""
    person = call().caller
    return person is not None and NEEDS.get(endpoint, Scope.ADMIN) in person.scopes


def require(endpoint: str) -> None:
    """Raise Refused unless the person may."""
    if not may(endpoint):
        needed = NEEDS.get(endpoint, Scope.ADMIN)
        detail = f"You are logged in as {role_of(caller())}; this needs the scope '{needed}'."
        raise Refused(403, "forbidden", detail)


def context() -> dict[str, Any]:
    """What templates ask before they show an action, and who is logged in."""
    person = call().caller
    return {"may": may, "person": person, "role": role_of(person) if person else None}
