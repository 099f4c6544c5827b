"""Files: upload what a task takes, download what is stored."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, BinaryIO, cast

from flask import request, send_file
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response

from jobs import files
from jobs.files import File
from jobs.settings import current_settings
from jobs.tokens import Scope

from ..access import needs
from ..answers import answers, show
from ..bodies import takes_raw, takes_up_to
from ..problems import Refused
from ..resource import resource
from ..schemas.base import Query
from ..schemas.files import FileView

api = resource("files", __name__, __doc__)

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}")
_ENVELOPE = 64 * 1024
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "description": "The bytes themselves with `?name=`, or a form with one file.",
    "required": False,
    "content": {
        "application/octet-stream": _BINARY,
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
    },
}


class FilePath(BaseModel):
    """A file's id."""

    file_id: str


class FileQuery(Query):
    """What a raw upload is called."""

    name: str = Field("file", min_length=1, max_length=255)


@api.post(
    "/files",
    responses={201: FileView},
    request_body=_BODY,
    openapi_extensions=answers(413, 415, 422, headers={201: ("Location",)}),
)
@needs(Scope.ENQUEUE)
@takes_raw
def upload_file(query: FileQuery) -> Response:
    """Store a file, as raw bytes or as a form; it expires by itself."""
    name, content_type, stream = _form_file() if request.mimetype == "multipart/form-data" else _raw(query.name)
    stored = files.get(files.store(_safe_name(name), stream, _safe_type(content_type)).id)
    return show(view(stored), 201, {"Location": f"/api/v1/files/{stored.id}"})


@api.get("/files/<file_id>", responses={200: FileView}, openapi_extensions=answers(404))
@needs(Scope.READ)
def show_file(path: FilePath) -> Response:
    """Show what is known of a file."""
    return show(view(files.get(path.file_id)))


@api.get(
    "/files/<file_id>/content",
    responses={200: {"content": {"application/octet-stream": _BINARY}}, 206: {"content": {"*/*": _BINARY}}},
    openapi_extensions=answers(404, 416, headers={200: ("Content-Disposition", "Accept-Ranges", "ETag")}),
)
@needs(Scope.READ)
def download_file(path: FilePath) -> Response:
    """Download a file; ranges are served."""
    return download(files.get(path.file_id))


def view(file: File) -> FileView:
    """A stored file as the API shows it."""
    return FileView(
        id=file.id,
        name=file.name,
        content_type=file.content_type,
        size=file.size,
        expires_at=file.expires_at,
        content=f"/api/v1/files/{file.id}/content",
    )


def download(file: File, name: str | None = None) -> Response:
    """The bytes of a file, streamed, always as an attachment: nothing stored here is ever rendered on our origin."""
    response = send_file(
        file.open(),
        mimetype=_safe_type(file.content_type),
        as_attachment=True,
        download_name=_safe_name(name or file.name),
        conditional=False,
        etag=file.id,
    )
    response.content_length = file.size
    response.headers["Cache-Control"] = "no-store"
    return response.make_conditional(request.environ, accept_ranges=True, complete_length=file.size)


def _raw(name: str) -> tuple[str, str, BinaryIO]:
    limit = current_settings().file_max_bytes
    if (request.content_length or 0) > limit:
        raise Refused(413, "too-large", f"the file is above {limit:,} bytes", limit=limit, setting="FILE_MAX_BYTES")
    takes_up_to(limit + 1, "FILE_MAX_BYTES")  # one more than is stored, so that the store names its limit itself
    return name, request.content_type or "", cast("BinaryIO", request.stream)


def _form_file() -> tuple[str, str, BinaryIO]:
    takes_up_to(current_settings().file_max_bytes + _ENVELOPE, "FILE_MAX_BYTES")
    found = list(request.files.items(multi=True))
    if [field for field, _ in found] != ["file"]:
        named = ", ".join(repr(field) for field, _ in found[:5]) or "none"
        detail = f"the form must have exactly one file, in the field 'file'; it has {named}"
        raise Refused(422, "invalid-request", detail)
    given = found[0][1]
    return given.filename or "file", given.content_type or "", cast("BinaryIO", given.stream)


def _safe_name(name: str) -> str:
    """Without folders, and without what moves a cursor or turns text around: it goes into headers and logs."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if unicodedata.category(c)[0] != "C")[:255] or "file"


def _safe_type(content_type: str) -> str:
    bare = content_type.partition(";")[0].strip().lower()
    return bare if _MEDIA_TYPE.fullmatch(bare) else "application/octet-stream"
