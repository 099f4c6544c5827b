"""Decode, turn, shrink and encode pictures with Pillow; what cannot be a picture is refused once and for all."""

import io
import struct
import warnings
from dataclasses import dataclass
from typing import Any, BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

from jobs import Discard

# A 48 megapixel phone picture decodes to 145 MB; a "bomb" of a few KB may claim billions of pixels.
MOST_PIXELS = 50_000_000
_READ = ("JPEG", "PNG", "WEBP")  # JPEG includes the stereo form (MPO) that many phones write
_SIDEWAYS = {5, 6, 7, 8}
_ORIENTATION = 0x0112
_ENCODERS: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 85, "optimize": True, "progressive": True},
    "png": {"optimize": True},
    "webp": {"quality": 82, "method": 4},
}


class PictureRefused(Discard):
    """This file can never become a thumbnail."""


@dataclass(frozen=True, slots=True)
class Copy:
    """An encoded picture and its size in pixels."""

    data: bytes
    width: int
    height: int


def shrink(source: BinaryIO, name: str, width: int, height: int | None, format: str) -> Copy:
    """A small upright copy without metadata. Raises PictureRefused, which says what is wrong with the file."""
    try:
        with _opened(source, name) as picture:
            small = _upright(picture, width, height)
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise PictureRefused(f"{name} is damaged: {error}") from error
    return _encoded(small, format)


def _opened(source: BinaryIO, name: str) -> Image.Image:
    """Read the header only, and judge the size it claims before any pixel is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is lower
            picture = Image.open(source, formats=_READ)
    except UnidentifiedImageError as error:
        raise PictureRefused(f"{name} is no JPEG, PNG or WebP picture") from error
    except Image.DecompressionBombError as error:
        raise PictureRefused(f"{name} claims more pixels than are decoded here ({MOST_PIXELS:,}): {error}") from error
    if picture.width * picture.height > MOST_PIXELS:
        claim = f"{picture.width:,} x {picture.height:,}"
        raise PictureRefused(f"{name} claims {claim} pixels; the limit is {MOST_PIXELS:,} pixels in all")
    return picture


def _upright(picture: Image.Image, width: int, height: int | None) -> Image.Image:
    """Shrink first and turn then: turning a large picture would hold it in memory twice."""
    sideways = picture.getexif().get(_ORIENTATION) in _SIDEWAYS
    box = (width, height or picture.width * picture.height)
    direct = _direct(picture)
    direct.thumbnail(box[::-1] if sideways else box, Image.Resampling.LANCZOS)
    return ImageOps.exif_transpose(direct)


def _direct(picture: Image.Image) -> Image.Image:
    """Palettes and deep greys as plain colours, because only these can be scaled smoothly."""
    if picture.mode.startswith("I"):  # 16 bits: convert() alone would clip nearly everything to white
        return picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.mode in {"L", "RGB", "RGBA", "CMYK"}:
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _encoded(picture: Image.Image, format: str) -> Copy:
    profile = _profile(picture)
    flat = _as_held_by(format, picture)
    flat.info = {}  # encoders write comments and EXIF they find here
    target = io.BytesIO()
    flat.save(target, format, icc_profile=profile, **_ENCODERS[format])
    return Copy(target.getvalue(), *flat.size)


def _profile(picture: Image.Image) -> bytes | None:
    """The colour profile, if it still describes the pixels: bytes 16 to 19 name its colour space (ICC.1, 7.2.6)."""
    profile: bytes | None = picture.info.get("icc_profile")
    spaces = {b"GRAY": {"L"}, b"RGB ": {"RGB", "RGBA"}}
    return profile if profile and picture.mode in spaces.get(profile[16:20], ()) else None


def _as_held_by(format: str, picture: Image.Image) -> Image.Image:
    """JPEG has no transparency, so a transparent picture gets a white ground."""
    if not picture.has_transparency_data:
        return picture if picture.mode in {"L", "RGB"} else picture.convert("RGB")
    clear = picture.convert("RGBA")
    if format != "jpeg":
        return clear
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
