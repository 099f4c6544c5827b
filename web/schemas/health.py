"""Whether it lives, and what it is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import View


class LiveView(View):
    """The process answers."""

    status: Literal["live"]


class ReadyView(View):
    """Work is moving."""

    status: Literal["ready"]
    checks: dict[str, bool]


class VersionView(View):
    """What is running."""

    release: str
    api: str = Field(examples=["v1"])
