"""The letters of our PDFs: one font for most European scripts, and text cut to the room there is."""

from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "Report", "Report-Bold"
_FILES = {REGULAR: "LiberationSans-Regular.ttf", BOLD: "LiberationSans-Bold.ttf"}


@cache
def _font(name: str) -> TTFont:
    """Registered once a process; reportlab embeds only the letters a document uses."""
    font = TTFont(name, Path(__file__).with_name("fonts") / _FILES[name])
    pdfmetrics.registerFont(font)
    return font


def ready() -> None:
    """Make both fonts known to reportlab."""
    for name in _FILES:
        _font(name)


def shown(text: str) -> str:
    """The text with a question mark for every letter the font does not have, such as Chinese or emoji."""
    known = _font(REGULAR).face.charToGlyph
    return "".join(letter if ord(letter) in known else "?" for letter in " ".join(text.split()))


def width_of(text: str, font: str, size: float) -> float:
    """The width of a text in points."""
    return float(pdfmetrics.stringWidth(text, font, size))


def fitted(text: str, font: str, size: float, width: float) -> str:
    """The text, cut with an ellipsis where it would be wider than `width` points."""
    text = shown(text)
    if width_of(text, font, size) <= width:
        return text
    while text and width_of(text + "…", font, size) > width:
        text = text[:-1]
    return text.rstrip() + "…"
