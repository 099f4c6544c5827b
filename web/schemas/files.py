"""Stored files."""

from __future__ import annotations

from pydantic import Field

from .base import Instant, View


class FileView(View):
    """A stored file. Pass its id as an argument of a task."""

    id: str = Field(pattern="^file_[0-9a-f]{32}$", examples=["file_0123456789abcdef0123456789abcdef"])
    name: str
    content_type: str
    size: int = Field(description="Bytes.")
    expires_at: Instant
    content: str = Field(description="Where its bytes are.")
