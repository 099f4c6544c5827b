"""Images: small, upright, private copies of photographs."""

from typing import Annotated, Any, Literal

from pydantic import Field

from jobs import File, Retry, current_job, task

_ENDINGS = {"jpeg": "jpg", "png": "png", "webp": "webp"}

Pixels = Annotated[int, Field(ge=16, le=4096)]


@task(timeout=60, retry=Retry(max=3))
def thumbnail(
    photo: File,
    width: Pixels = 320,
    height: Pixels | None = None,
    format: Literal["jpeg", "png", "webp"] = "jpeg",
) -> dict[str, Any]:
    """Make a small copy of a JPEG, PNG or WebP picture: turned upright, without its metadata, its colours kept.

    The copy fits into `width` x `height` (without a height, only the width counts) and is never larger than the
    original. Place, camera and other EXIF data stay behind; the colour profile is kept.
    """
    from . import _pictures  # Pillow costs 15 MB that the web process need not carry

    with photo.open() as source:
        copy = _pictures.shrink(source, photo.name, width, height, format)
    file = current_job().artifact(f"thumbnail.{_ENDINGS[format]}", copy.data, f"image/{format}")
    return {"file": file.id, "width": copy.width, "height": copy.height, "bytes": len(copy.data)}
