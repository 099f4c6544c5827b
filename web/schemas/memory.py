"""What uses the server's memory."""

from __future__ import annotations

from pydantic import Field

from .base import View


class UseView(View):
    """One kind of data."""

    kind: str
    keys: int
    bytes: int


class TaskMemoryView(View):
    """The jobs of one task."""

    task: str = Field(description="`?` stands for jobs whose record is gone or cannot be read.")
    kinds: list[UseView]


class MemoryView(View):
    """The whole; numbers of keys and bytes are estimates unless `measured` is `keys`."""

    used: int = Field(description="Bytes that the server uses.")
    max_memory: int = Field(description="Bytes that it may use; 0 when there is no limit.")
    keys: int
    measured: int = Field(description="How many of the keys were measured.")
    waiting_job: int | None = Field(description="Bytes that one waiting job takes, in all its places.")
    finished_job: int | None = Field(description="Bytes that one finished job takes, with its result.")
    kinds: list[UseView] = Field(description="The largest first.")
    tasks: list[TaskMemoryView] = Field(description="The largest first.")
