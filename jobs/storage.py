"""Where the bytes of files live: in Redis, or in this process while inline mode is on.

The bytes of a file are one Redis string that is written by offset, so a write that is sent twice changes nothing.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from . import connection, keys, pressure
from .errors import FileMissing
from .scripts import Value, script


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is known of a stored file; `size` is in bytes."""

    name: str
    content_type: str
    size: int
    expires_at: datetime


class Store(Protocol):
    """Where bytes live."""

    def write(self, file_id: str, offset: int, piece: bytes, ttl: int) -> None:
        """Put bytes at an offset."""

    def describe(self, file_id: str, info: FileInfo, ttl: int) -> None:
        """Save what is known of the file; from now on it exists."""

    def info(self, file_id: str) -> FileInfo:
        """What is known of the file; raises FileMissing."""

    def share(self, file_id: str) -> None:
        """Keep it for its time, also when the job that made it goes; raises FileMissing."""

    def read(self, file_id: str, offset: int, length: int) -> bytes:
        """At most `length` bytes from an offset."""

    def delete(self, file_id: str) -> None:
        """Forget it."""


class RedisStore:
    """Files in the Redis that the jobs are in."""

    def write(self, file_id: str, offset: int, piece: bytes, ttl: int) -> None:
        """Put bytes at an offset; the expiry is set at once, so that an upload that breaks off leaves nothing."""
        pressure.refuse_when_full(connection.client())
        with connection.translate_errors():
            script("write_file")([keys.file_bytes(file_id)], [offset, piece, ttl], connection.client())

    def describe(self, file_id: str, info: FileInfo, ttl: int) -> None:
        """Save what is known of the file; bytes and description expire together."""
        fields: list[Value] = [
            *("name", info.name),
            *("content_type", info.content_type),
            *("size", info.size),
            *("expires_at", info.expires_at.isoformat()),
        ]
        names = [keys.file(file_id), keys.file_bytes(file_id)]
        with connection.translate_errors():
            script("describe_file")(names, [ttl, *fields], connection.client())

    def info(self, file_id: str) -> FileInfo:
        """What is known of the file; raises FileMissing."""
        raw = connection.read_hash(keys.file(file_id))
        if not raw:
            raise FileMissing(file_id)
        text = {name.decode(): value.decode() for name, value in raw.items()}
        expires_at = datetime.fromisoformat(text["expires_at"])
        return FileInfo(text["name"], text["content_type"], int(text["size"]), expires_at)

    def share(self, file_id: str) -> None:
        """Keep it for its time, also when the job that made it goes; raises FileMissing."""
        with connection.translate_errors():
            if not script("share_file")([keys.file(file_id)], [], connection.client()):
                raise FileMissing(file_id)

    def read(self, file_id: str, offset: int, length: int) -> bytes:
        """At most `length` bytes from an offset."""
        with connection.translate_errors():
            piece = connection.client().getrange(keys.file_bytes(file_id), offset, offset + length - 1)
        return cast("bytes", piece)

    def delete(self, file_id: str) -> None:
        """Forget it; the memory is freed in the background."""
        with connection.translate_errors():
            connection.client().unlink(keys.file(file_id), keys.file_bytes(file_id))


class MemoryStore:
    """Files in this process, for inline mode."""

    def __init__(self) -> None:
        self._bytes: dict[str, bytearray] = {}
        self._infos: dict[str, FileInfo] = {}

    def write(self, file_id: str, offset: int, piece: bytes, ttl: int) -> None:
        """Put bytes at an offset."""
        self._bytes.setdefault(file_id, bytearray())[offset : offset + len(piece)] = piece

    def describe(self, file_id: str, info: FileInfo, ttl: int) -> None:
        """Save what is known of the file."""
        self._infos[file_id] = info

    def info(self, file_id: str) -> FileInfo:
        """What is known of the file; raises FileMissing."""
        try:
            return self._infos[file_id]
        except KeyError:
            raise FileMissing(file_id) from None

    def share(self, file_id: str) -> None:
        """Nothing here goes with a job; raises FileMissing."""
        self.info(file_id)

    def read(self, file_id: str, offset: int, length: int) -> bytes:
        """At most `length` bytes from an offset."""
        return bytes(self._bytes.get(file_id, b"")[offset : offset + length])

    def delete(self, file_id: str) -> None:
        """Forget it."""
        self._bytes.pop(file_id, None)
        self._infos.pop(file_id, None)


_chosen: ContextVar[Store | None] = ContextVar("store", default=None)
_redis_store = RedisStore()


def use_store(store: Store | None) -> None:
    """Keep files here in this context; None goes back to Redis."""
    _chosen.set(store)


def current_store() -> Store:
    """Where files are kept in this context."""
    return _chosen.get() or _redis_store
