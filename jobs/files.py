"""Files: bytes with a name, a size limit and an expiry, stored where every process can reach them.

The bytes of a file are one Redis string that is written by offset, so a write that is sent twice changes nothing.
"""

from __future__ import annotations

import io
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from . import connection, keys
from .errors import FileMissing, FileTooLarge
from .settings import current_settings

PIECE = 1024 * 1024
_ID = re.compile(r"file_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is known of a stored file; `size` is in bytes."""

    name: str
    content_type: str
    size: int
    expires_at: datetime


class File:
    """A stored file, named by its id: annotate a task's parameter with it, return it, read it."""

    __slots__ = ("_info", "id")

    def __init__(self, file_id: str, info: FileInfo | None = None) -> None:
        if not _ID.fullmatch(file_id):
            raise ValueError("must be a file id: 'file_' and 32 hexadecimal digits, as POST /api/v1/files gives it")
        self.id = file_id
        self._info = info

    @property
    def info(self) -> FileInfo:
        """Name, type, size and expiry; raises FileMissing."""
        if self._info is None:
            self._info = _store().info(self.id)
        return self._info

    @property
    def name(self) -> str:
        """The name it was given, without any folder."""
        return self.info.name

    @property
    def content_type(self) -> str:
        """Its media type."""
        return self.info.content_type

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.info.size

    @property
    def expires_at(self) -> datetime:
        """When it is deleted (aware UTC)."""
        return self.info.expires_at

    def open(self) -> BinaryIO:
        """A seekable binary stream that fetches 1 MB at a time; raises FileMissing."""
        return io.BufferedReader(_Reader(self.id, self.info.size), PIECE)

    def pieces(self) -> Iterator[bytes]:
        """Its bytes in pieces of at most 1 MB, for a response that is streamed."""
        with self.open() as stream:
            while piece := stream.read(PIECE):
                yield piece

    def read(self) -> bytes:
        """All its bytes."""
        with self.open() as stream:
            return stream.read()

    def save(self, path: str | Path) -> None:
        """Copy it to a local path."""
        with self.open() as source, Path(path).open("wb") as target:
            shutil.copyfileobj(source, target, PIECE)

    def __repr__(self) -> str:
        return f"File({self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        return core_schema.union_schema(
            [core_schema.is_instance_schema(cls), from_text],
            mode="left_to_right",
            custom_error_type="file_id",
            custom_error_message="must be a file id: 'file_' and 32 hexadecimal digits",
            serialization=core_schema.plain_serializer_function_ser_schema(lambda file: file.id),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "file-id", "pattern": f"^{_ID.pattern}$"}


class Store(Protocol):
    """Where bytes live."""

    def write(self, file_id: str, offset: int, piece: bytes, ttl: int) -> None:
        """Put bytes at an offset."""

    def describe(self, file_id: str, info: FileInfo, ttl: int) -> None:
        """Save what is known of the file; from now on it exists."""

    def info(self, file_id: str) -> FileInfo:
        """What is known of the file; raises FileMissing."""

    def read(self, file_id: str, offset: int, length: int) -> bytes:
        """At most `length` bytes from an offset."""

    def delete(self, file_id: str) -> None:
        """Forget it."""


class RedisStore:
    """Files in the Redis that the jobs are in."""

    def write(self, file_id: str, offset: int, piece: bytes, ttl: int) -> None:
        """Put bytes at an offset; the expiry is set at once, so that an upload that breaks off leaves nothing."""
        with connection.translate_errors(), connection.client().pipeline(transaction=False) as pipe:
            pipe.setrange(keys.file_bytes(file_id), offset, piece)
            pipe.expire(keys.file_bytes(file_id), ttl)
            pipe.execute()

    def describe(self, file_id: str, info: FileInfo, ttl: int) -> None:
        """Save what is known of the file; bytes and description expire together."""
        mapping: dict[Any, Any] = {
            "name": info.name,
            "content_type": info.content_type,
            "size": info.size,
            "expires_at": info.expires_at.isoformat(),
        }
        with connection.translate_errors(), connection.client().pipeline(transaction=True) as pipe:
            pipe.hset(keys.file(file_id), mapping=mapping)
            pipe.expire(keys.file(file_id), ttl)
            pipe.expire(keys.file_bytes(file_id), ttl)
            pipe.execute()

    def info(self, file_id: str) -> FileInfo:
        """What is known of the file; raises FileMissing."""
        raw = connection.read_hash(keys.file(file_id))
        if not raw:
            raise FileMissing(file_id)
        text = {name.decode(): value.decode() for name, value in raw.items()}
        expires_at = datetime.fromisoformat(text["expires_at"])
        return FileInfo(text["name"], text["content_type"], int(text["size"]), expires_at)

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


def _store() -> Store:
    return _chosen.get() or _redis_store


def store(
    name: str, data: bytes | BinaryIO, content_type: str = "application/octet-stream", ttl: int | None = None
) -> File:
    """Store bytes or a stream for `ttl` seconds (FILE_TTL when None).

    Raises FileTooLarge above FILE_MAX_BYTES; nothing is kept then.
    """
    with Writer(name, content_type, ttl=ttl) as writer:
        shutil.copyfileobj(io.BytesIO(data) if isinstance(data, bytes) else data, writer, PIECE)
    return writer.file


def get(file_id: str) -> File:
    """A stored file by its id; raises FileMissing."""
    if not _ID.fullmatch(file_id):
        raise FileMissing(file_id)
    return File(file_id, _store().info(file_id))


def delete(file_id: str) -> None:
    """Delete a file; one that does not exist is no error."""
    _store().delete(file_id)


def require(file_ids: Iterable[str]) -> None:
    """Raise FileMissing unless all these files exist."""
    for file_id in file_ids:
        get(file_id)


def named_in(value: Any) -> Iterator[str]:
    """The file ids anywhere in a JSON value."""
    if isinstance(value, str) and _ID.fullmatch(value):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from named_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from named_in(item)


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
    def file(self) -> File:
        """The file as it is stored now."""
        return File(self.id, self._info())

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
        _store().describe(self.id, self._info(), self._ttl)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Complete the file, unless what was being written broke off."""
        self._broken = self._broken or kind is not None
        self.close()

    def _refuse(self) -> None:
        size = self.tell()
        self._broken = True
        _store().delete(self.id)
        raise FileTooLarge("the file", size, self._limit, "FILE_MAX_BYTES")

    def _send(self) -> None:
        if self._waiting:
            _store().write(self.id, self._offset, bytes(self._waiting), self._ttl)
            self._offset += len(self._waiting)
            self._waiting.clear()

    def _info(self) -> FileInfo:
        expires_at = datetime.now(UTC) + timedelta(seconds=self._ttl)
        return FileInfo(self._name, self._content_type, self._offset, expires_at)


class _Reader(io.RawIOBase):
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
        piece = _store().read(self._id, self._at, length) if length > 0 else b""
        if length > 0 and not piece:
            raise FileMissing(self._id)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
