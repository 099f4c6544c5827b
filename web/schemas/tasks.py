"""The catalogue."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from .base import View


class TaskView(View):
    """A task that can be enqueued."""

    name: str = Field(examples=["images.thumbnail"])
    description: str
    queue: str
    timeout: int = Field(description="Seconds an attempt may take.")
    retries: int = Field(description="How often a failing job is tried again.")
    arguments: dict[str, Any] = Field(description="JSON Schema (2020-12) of the arguments.")


class TasksView(View):
    """The catalogue."""

    tasks: list[TaskView]
