"""One thing found: it stops a deploy, or it is worth knowing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` is a variable, `Redis`, a task or a schedule; `text` says what is wrong and what to do."""

    level: Literal["problem", "advice"]
    about: str
    text: str

    def __str__(self) -> str:
        return f"{self.about}: {self.text}"


def problem(about: str, text: str) -> Finding:
    """What must be solved first."""
    return Finding("problem", about, text)


def advice(about: str, text: str) -> Finding:
    """What is worth knowing; nothing fails because of it."""
    return Finding("advice", about, text)
