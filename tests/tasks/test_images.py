"""Thumbnails are upright, small and private."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageStat

from jobs import Discard, enqueue, files
from jobs.errors import InvalidArguments
from jobs.files import File
from jobs.inline import Inline
from jobs.registry import find
from tasks._pictures import MOST_PIXELS, PictureRefused
from tasks.images import thumbnail
from tests.tasks.conftest import FLIGHTS, PHOTO

ORIENTATION, GPS = 0x0112, 0x8825


def stored(data: bytes | Path, name: str = "photo.jpg") -> File:
    return files.store(name, data.read_bytes() if isinstance(data, Path) else data, "image/jpeg")


def encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, format, **options)
    return target.getvalue()


def result_of(inline: Inline, photo: File, **args: object) -> Image.Image:
    job = enqueue(thumbnail, photo, **args)  # type: ignore[arg-type]  # the arguments vary with the test
    (artifact,) = inline.artifacts(job.id).values()
    assert artifact.id == job.result["file"]
    assert artifact.size == job.result["bytes"]
    picture = Image.open(io.BytesIO(artifact.read()))
    assert picture.size == (job.result["width"], job.result["height"])
    return picture


def test_the_sample_photograph_lies_on_its_side_and_its_thumbnail_does_not(inline: Inline) -> None:
    with Image.open(PHOTO) as original:
        assert original.size == (427, 640)
        assert original.getexif()[ORIENTATION] == 6
    copy = result_of(inline, stored(PHOTO), width=320)
    assert copy.size == (320, 214)
    sky, ground = copy.crop((0, 0, 320, 40)), copy.crop((0, 190, 320, 214))
    assert ImageStat.Stat(sky).mean[2] > ImageStat.Stat(sky).mean[0], "the blue of the sky is above"
    assert ImageStat.Stat(ground).mean[0] > ImageStat.Stat(ground).mean[2], "the lights are below"


def test_no_private_data_is_left(inline: Inline) -> None:
    with Image.open(PHOTO) as original:
        assert original.getexif().get_ifd(GPS)
    for kind in ("jpeg", "png", "webp"):
        copy = result_of(inline, stored(PHOTO), format=kind)
        assert not dict(copy.getexif())
        assert "comment" not in copy.info
        assert "exif" not in copy.info


def test_the_colour_profile_is_kept(inline: Inline) -> None:
    with Image.open(PHOTO) as original:
        profile = original.info["icc_profile"]
    for kind in ("jpeg", "png", "webp"):
        assert result_of(inline, stored(PHOTO), format=kind).info["icc_profile"] == profile


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(orientation: int, inline: Inline) -> None:
    upright = Image.new("RGB", (400, 200), "white")
    upright.paste("red", (0, 0, 200, 100))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    laid = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    copy = result_of(inline, stored(encoded(laid, "JPEG", exif=exif, quality=95)), width=100)
    assert copy.size == (100, 50)
    red, green, _ = copy.convert("RGB").getpixel((20, 10))  # type: ignore[misc]  # an RGB pixel is three numbers
    assert red > 200 > 100 > green


@pytest.mark.parametrize(
    ("width", "height", "size"), [(100, None, (100, 67)), (4096, None, (640, 427)), (300, 50, (75, 50))]
)
def test_the_copy_fits_into_the_box_and_never_grows(
    width: int, height: int | None, size: tuple[int, int], inline: Inline
) -> None:
    assert result_of(inline, stored(PHOTO), width=width, height=height).size == size


def test_transparency_stays_or_becomes_white(inline: Inline) -> None:
    picture = Image.new("RGBA", (64, 64), (0, 0, 255, 0))
    photo = stored(encoded(picture, "PNG"))
    assert result_of(inline, photo, format="webp").getpixel((5, 5))[3] == 0  # type: ignore[index]
    flat = result_of(inline, photo, format="jpeg").getpixel((5, 5))
    assert min(flat) > 250  # type: ignore[arg-type]


def test_palettes_greys_and_print_colours_become_plain_pictures(inline: Inline) -> None:
    photo = Image.open(PHOTO)
    palette = encoded(photo.quantize(32), "PNG")
    deep = encoded(photo.convert("I").point(lambda value: value * 256).convert("I;16"), "PNG")
    printed = encoded(photo.convert("CMYK"), "JPEG", icc_profile=None)
    assert result_of(inline, stored(palette), format="jpeg").mode == "RGB"
    assert result_of(inline, stored(printed), format="webp").mode == "RGB"
    grey = result_of(inline, stored(deep), format="png")
    assert grey.mode == "L"
    assert 20 < ImageStat.Stat(grey).mean[0] < 120, "not clipped to white"


def test_a_profile_that_no_longer_fits_is_dropped(inline: Inline) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey_with_rgb_profile = encoded(Image.new("L", (64, 64), 90), "PNG", icc_profile=srgb)
    assert "icc_profile" not in result_of(inline, stored(grey_with_rgb_profile), format="png").info


def test_what_is_no_picture_is_refused_for_good(inline: Inline) -> None:
    for data in (FLIGHTS.read_bytes(), b"", b"\xff\xd8\xff", b"GIF89a" + bytes(50), b"%PDF-1.7\n"):
        with pytest.raises(Discard, match=r"notes\.txt is no JPEG, PNG or WebP|notes\.txt is damaged"):
            enqueue(thumbnail, stored(data, "notes.txt"))


def test_a_picture_that_breaks_off_is_refused_for_good(inline: Inline) -> None:
    with pytest.raises(PictureRefused, match=r"photo\.jpg is damaged"):
        enqueue(thumbnail, stored(PHOTO.read_bytes()[:50_000]))


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int, inline: Inline) -> None:
    """A few bytes that claim billions of pixels: Pillow warns above 89 and refuses above 179 million, we above 50."""
    assert side * side > MOST_PIXELS
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    with pytest.raises(PictureRefused, match="pixels"):
        enqueue(thumbnail, stored(png, "bomb.png"))


def test_a_picture_of_a_phone_is_not_a_bomb(inline: Inline) -> None:
    large = encoded(Image.new("RGB", (8064, 6048), "navy"), "JPEG")
    assert result_of(inline, stored(large), width=200).size == (200, 150)


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"width": 100_000}, {"format": "gif"}, {"photo": "nothing"}, {"size": 3}]
)
def test_wrong_arguments_are_refused_before_a_job_exists(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArguments):
        find("images.thumbnail").validate({"photo": "file_" + "0" * 32} | wrong)
