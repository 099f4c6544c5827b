"""Who calls the API, and what they may do."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from .settings import Settings


class Scope(StrEnum):
    """What a token may do; each is given by itself, none includes another."""

    READ = "read"
    ENQUEUE = "enqueue"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a token: `tasks` are patterns such as `mail.*` of the task names it may see and use."""

    name: str
    scopes: frozenset[Scope]
    tasks: tuple[str, ...] = ("*",)

    def may_use(self, task: str) -> bool:
        """Whether this caller may see and use the task with this name."""
        return any(fnmatchcase(task, pattern) for pattern in self.tasks)


def identify(presented: str, settings: Settings) -> Caller | None:
    """The caller who bears this token, or None; compared in constant time."""
    expected = settings.api_token.get_secret_value() if settings.api_token else ""
    if expected and hmac.compare_digest(presented.encode(), expected.encode()):
        return Caller("API_TOKEN", frozenset(Scope))
    return None
