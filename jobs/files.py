"""Files: bytes with a name, a size limit and an expiry, stored where every process can reach them."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from .errors import FileMissing
from .storage import FileInfo, current_store
from .streams import PIECE, Reader, Writer

_ID = re.compile(r"file_[0-9a-f]{32}")


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
            self._info = current_store().info(self.id)
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
        return io.BufferedReader(Reader(self.id, self.info.size), PIECE)

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


def store(
    name: str, data: bytes | BinaryIO, content_type: str = "application/octet-stream", ttl: int | None = None
) -> File:
    """Store bytes or a stream for `ttl` seconds (FILE_TTL when None).

    Raises FileTooLarge above FILE_MAX_BYTES; nothing is kept then.
    """
    with Writer(name, content_type, ttl=ttl) as writer:
        shutil.copyfileobj(io.BytesIO(data) if isinstance(data, bytes) else data, writer, PIECE)
    return File(writer.id, writer.info)


def get(file_id: str) -> File:
    """A stored file by its id; raises FileMissing."""
    if not _ID.fullmatch(file_id):
        raise FileMissing(file_id)
    return File(file_id, current_store().info(file_id))


def delete(file_id: str) -> None:
    """Delete a file; one that does not exist is no error."""
    current_store().delete(file_id)


def require(args: Mapping[str, Any], encoded: bytes) -> None:
    """Raise FileMissing unless every file that these arguments name exists; none goes with the job that made it now.

    `encoded` is their JSON, or nothing where it is not at hand.
    """
    if encoded and b'"file_' not in encoded:  # most name none, and so this is found out in no time for large ones, too
        return
    for pointer, file_id in named_in(args):
        try:
            current_store().share(file_id)
        except FileMissing:
            raise FileMissing(file_id, pointer) from None


def named_in(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """The file ids anywhere in a JSON value, each with the JSON pointer to it."""
    if isinstance(value, str) and _ID.fullmatch(value):
        yield pointer, value
    elif isinstance(value, (Mapping, list)):
        for step, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from named_in(item, f"{pointer}/{step}")
