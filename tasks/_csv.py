"""Read CSV files as people have them: any usual encoding, delimiter and way of writing numbers; row by row."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import BinaryIO

from jobs import Discard

_SAMPLE = 64 * 1024
_PIECE = 1024 * 1024
_SAMPLE_ROWS = 50
_DELIMITERS = ",;\t|"
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NO_TEXT = (b"PK\x03\x04", b"%PDF", b"\x1f\x8b", b"\xd0\xcf\x11\xe0")

_PLAIN = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d)?", re.ASCII)
_SPACES = "'\u2019\u00a0\u202f "
_WRITTEN = {
    ".": re.compile(rf"[+-]?\d{{1,3}}([,{_SPACES}]\d{{3}}){{1,9}}(\.\d{{1,30}})?", re.ASCII),
    ",": re.compile(rf"[+-]?(\d{{1,3}}([.{_SPACES}]\d{{3}}){{1,9}}|\d{{1,30}}|(?=,))(,\d{{1,30}})?", re.ASCII),
}
_WITHOUT = {sign: str.maketrans(dict.fromkeys(f",.{_SPACES}".replace(sign, ""))) for sign in ".,"}
_COMMA = re.compile(r"[+-]?\d{1,3}(\.\d{3})*,\d+|[+-]?\d+,\d+", re.ASCII)
_POINT = re.compile(r"[+-]?\d{1,3}(,\d{3})*\.\d+|[+-]?\d+\.\d+|[+-]?\d{1,3}(,\d{3})+", re.ASCII)
_ABSENT = {"", "na", "n/a", "nan", "null", "none", "-", "--"}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is written; `skipped` counts the lines above the header."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    skipped: int = 0


def recognise(stream: BinaryIO, name: str) -> Shape:
    """Find out encoding, delimiter and header; the stream is at its beginning again. Raises Discard for other files."""
    encoding = _encoding(stream, name)
    text = _text(stream.read(_SAMPLE), encoding)
    stream.seek(0)
    first = text.splitlines()[0] if text else ""
    named = re.fullmatch(r'"?sep=(.)"?', first)  # Excel's own way to name the delimiter
    body = text[len(first) :].lstrip("\r\n") if named else text
    delimiter = named[1] if named else _delimiter(body)
    rows = _rows(body, delimiter)
    if not rows:
        raise Discard(f"{name} is empty")
    header = tuple(cell.strip() for cell in rows[0])
    return Shape(encoding, delimiter, header, tuple(rows[1:]), skipped=1 if named else 0)


def rows(stream: BinaryIO, shape: Shape, name: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row below the header, blank lines left out."""
    text = io.TextIOWrapper(stream, encoding=shape.encoding, errors="replace", newline="")
    reader = csv.reader(text, delimiter=shape.delimiter)
    try:
        for _ in range(shape.skipped + 1):
            next(reader)
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise Discard(
            f"{name} cannot be read from line {reader.line_num} on: {error}; is a quote not closed?"
        ) from error
    finally:
        text.detach()


def column(shape: Shape, wanted: str, name: str) -> int:
    """The position of a column, by its exact name or by the only one that differs in case.

    Raises Discard, which names the columns that exist.
    """
    exact = [i for i, title in enumerate(shape.header) if title == wanted.strip()]
    alike = exact or [i for i, title in enumerate(shape.header) if title.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    columns = ", ".join(title or "(no name)" for title in shape.header[:50])
    if alike:
        raise Discard(f"{name} has {len(alike)} columns named {wanted!r}: {columns}")
    close = get_close_matches(wanted, shape.header, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise Discard(f"{name} has no column {wanted!r}; {hint}it has: {columns}")


def decimal_sign(shape: Shape, columns: Sequence[int]) -> str:
    """How the numbers of the sample are written; a comma between digits counts only where it cannot mean thousands."""
    cells = [row[i].strip() for row in shape.sample for i in columns if i < len(row)]
    commas = sum(bool(_COMMA.fullmatch(cell)) for cell in cells)
    points = sum(bool(_POINT.fullmatch(cell)) for cell in cells)
    return "," if shape.delimiter != "," and commas > points else "."


def number(text: str, sign: str) -> Decimal | None:
    """The exact value of a cell, or None when it is not a number."""
    if sign == "." and _PLAIN.fullmatch(text):
        return Decimal(text)
    text = text.strip()
    if _WRITTEN[sign].fullmatch(text):
        text = text.translate(_WITHOUT[sign]).replace(",", ".")
    elif sign == ",":
        return None
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def absent(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.strip().casefold() in _ABSENT


def _encoding(stream: BinaryIO, name: str) -> str:
    """By the byte order mark, else UTF-8 if all of the file is, else Windows' Western European."""
    start = stream.read(4096)
    stream.seek(0)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    if start.startswith(_NO_TEXT) or b"\0" in start:
        raise Discard(f"{name} is not a text file; export it as CSV first")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := stream.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        stream.seek(0)
    return "utf-8"


def _text(sample: bytes, encoding: str) -> str:
    """The sample's whole lines."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    whole = max(text.rfind("\n"), text.rfind("\r"))
    return text[: whole + 1] if len(sample) == _SAMPLE and whole > 0 else text


def _delimiter(text: str) -> str:
    """The one that cuts most rows into the same number of cells, of two or more."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in _rows(text, delimiter)]
        usual = max(set(widths), key=widths.count, default=0)
        return (widths.count(usual) / len(widths), usual) if usual > 1 else (0.0, 0)

    return max(_DELIMITERS, key=score)


def _rows(text: str, delimiter: str) -> list[tuple[str, ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: list[tuple[str, ...]] = []
    try:
        for row in reader:
            if row and len(found) <= _SAMPLE_ROWS:
                found.append(tuple(row))
    except csv.Error:
        pass  # an open quote at the end of the sample; the real reading says where
    return found
