"""Static files: read once, named by the hash of their content, compressed once, cached by browsers for ever."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Response, abort, request, url_for

from web.access import public

FOLDER = Path(__file__).parent.parent / "static"
_TEXT = {".css", ".js", ".svg"}
_KINDS = {*_TEXT, ".png", ".woff2"}
_REFERENCE = re.compile(rb'url\("([^":]+)"\)')
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; `packed` is gzip, None where compression gains nothing."""

    content_type: str
    digest: str
    plain: bytes
    packed: bytes | None


@cache
def load(name: str) -> Asset | None:
    """The asset with this path below the static folder; None when there is no such file."""
    path = FOLDER / name
    if not path.resolve().is_relative_to(FOLDER) or path.suffix not in _KINDS or not path.is_file():
        return None
    plain = _REFERENCE.sub(_hashed, path.read_bytes()) if path.suffix == ".css" else path.read_bytes()
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    content_type = f"{kind}; charset=utf-8" if path.suffix in _TEXT else kind
    packed = gzip.compress(plain, 9, mtime=0) if path.suffix in _TEXT else None
    return Asset(content_type, hashlib.sha256(plain).hexdigest()[:12], plain, packed)


def _hashed(reference: re.Match[bytes]) -> bytes:
    """What a style sheet refers to, by its hash too; both are below a hash, so one step up is enough."""
    name = reference[1].decode()
    return f'url("../{_known(name).digest}/{name}")'.encode()


def _known(name: str) -> Asset:
    asset = load(name)
    if asset is None:
        raise LookupError(f"web/static has no file {name!r}")
    return asset


def address(name: str) -> str:
    """The URL of an asset, which changes with its content. Raises LookupError for a file that does not exist."""
    return url_for("assets", digest=_known(name).digest, name=name)


@public
def send(digest: str, name: str) -> Response:
    """Answer with an asset. An old hash gets today's content for a minute: a page may outlive a deploy."""
    asset = load(name)
    if asset is None:
        abort(404)
    gzipped = asset.packed is not None and bool(request.accept_encodings["gzip"])
    response = Response(asset.packed if gzipped else asset.plain, content_type=asset.content_type)
    response.headers["Cache-Control"] = _FOREVER if digest == asset.digest else "public, max-age=60"
    response.headers["Vary"] = "Accept-Encoding"
    response.set_etag(asset.digest)
    if gzipped:
        response.headers["Content-Encoding"] = "gzip"
    response.make_conditional(request)
    return response
