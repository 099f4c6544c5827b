"""A stored file as a stream: written piece by piece, and read a piece at a time."""

from __future__ import annotations

import io
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .errors import FileMissing, FileTooLarge
from .settings import current_settings
from .storage import FileInfo, current_store

PIECE = 1024 * 1024


class Writer(io.RawIOBase):
    """Writes a file piece by piece; `flush` makes durable what was written, `close` completes the file."""

    def __init__(
        self,
        name: str,
        content_type: str,
        *,
        file_id: str | None = None,
        offset: int = 0,
        ttl: int | None = None,
    ) -> None:
        super().__init__()
        self.id = file_id or f"file_{secrets.token_hex(16)}"
        self._name = Path(name.replace("\\", "/")).name or "file"
        self._content_type = content_type
        self._ttl = ttl or current_settings().file_ttl
        self._limit = current_settings().file_max_bytes
        self._offset = offset
        self._waiting = bytearray()
        self._broken = False

    @property
    def info(self) -> FileInfo:
        """What is known of the file as it is stored now."""
        expires_at = datetime.now(UTC) + timedelta(seconds=self._ttl)
        return FileInfo(self._name, self._content_type, self._offset, expires_at)

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The offset behind the last byte written."""
        return self._offset + len(self._waiting)

    def write(self, data: Any) -> int:
        """Take bytes; they are sent in pieces of 1 MB. Raises FileTooLarge."""
        self._waiting += data
        if self.tell() > self._limit:
            self._refuse()
        if len(self._waiting) >= PIECE:
            self._send()
        return len(data)

    def flush(self) -> None:
        """Send what is waiting and describe the file as it stands, so that a checkpoint may name `tell()`."""
        if self.closed or self._broken:
            return
        self._send()
        current_store().describe(self.id, self.info, self._ttl)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Complete the file, unless what was being written broke off."""
        self._broken = self._broken or kind is not None
        self.close()

    def _refuse(self) -> None:
        size = self.tell()
        self._broken = True
        current_store().delete(self.id)
        raise FileTooLarge("the file", size, self._limit, "FILE_MAX_BYTES")

    def _send(self) -> None:
        if self._waiting:
            current_store().write(self.id, self._offset, bytes(self._waiting), self._ttl)
            self._offset += len(self._waiting)
            self._waiting.clear()


class Reader(io.RawIOBase):
    """Reads a stored file; raises FileMissing when it expires meanwhile. Wrap it in a BufferedReader."""

    def __init__(self, file_id: str, size: int) -> None:
        super().__init__()
        self._id, self._size, self._at = file_id, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._at)
        piece = current_store().read(self._id, self._at, length) if length > 0 else b""
        if length > 0 and not piece:
            raise FileMissing(self._id)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
