"""A summary as a PDF: its figures at a glance, a chart, a table, and what to know about the data."""

import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape  # writes markup, parses none # nosec B406

from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from . import _letters
from ._bars import Bars
from ._letters import BOLD, REGULAR
from ._totals import Group, Summary

_MARGIN = 17 * mm
_FOOT = 10 * mm
_BARS = 10
_WIDE_FROM = 4
_ACCENT, _INK, _FAINT = HexColor("#2F4B7C"), HexColor("#1F2937"), HexColor("#6B7280")
_RULE, _BAND, _CARD, _WARM = HexColor("#D9DEE7"), HexColor("#F6F7FA"), HexColor("#F1F4F9"), HexColor("#FDF6E7")

_EYEBROW = ParagraphStyle("eyebrow", fontName=BOLD, fontSize=8, leading=11, textColor=_ACCENT)
_TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=21, leading=26, textColor=_INK)
_LEAD = ParagraphStyle("lead", fontName=REGULAR, fontSize=9.5, leading=14, textColor=_FAINT, spaceBefore=2)
_HEADING = ParagraphStyle(
    "heading", fontName=BOLD, fontSize=11.5, leading=15, textColor=_INK, spaceBefore=18, spaceAfter=5
)
_NOTE = ParagraphStyle("note", fontName=REGULAR, fontSize=8.5, leading=12.5, textColor=_INK)


def document(result: Summary, title: str, *, top: int, made: datetime) -> bytes:
    """The file's bytes; `top` groups are in the table, the others are one row."""
    _letters.ready()
    size = landscape(A4) if len(result.columns) >= _WIDE_FROM else A4
    target = io.BytesIO()
    template = BaseDocTemplate(target, pagesize=size, title=_letters.shown(title), author="Nightshift", lang="en")
    width = size[0] - 2 * _MARGIN
    height = size[1] - 2 * _MARGIN
    frame = Frame(_MARGIN, _MARGIN, width, height, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    template.addPageTemplates(PageTemplate(frames=[frame]))
    foot = f"{_letters.shown(result.source)}, {made:%d %B %Y %H:%M %Z}"
    template.build(_story(result, title, top, width), canvasmaker=lambda *args, **more: _Pages(foot, *args, **more))
    return target.getvalue()


def _story(result: Summary, title: str, top: int, width: float) -> list[Flowable]:
    groups = result.top(top)
    story = [*_opening(result, title), _cards(result, width)]
    if groups:
        story += [*_chart(result, width), *_table(result, groups, width)]
    notes = result.notes()
    return [*story, *([Spacer(0, 7 * mm), _notes(notes, width)] if notes else [])]


def _opening(result: Summary, title: str) -> list[Flowable]:
    lead = f"{result.rows:,} rows of {result.source} in {len(result.groups):,} groups by {result.group_by}"
    return [_words("SUMMARY", _EYEBROW), _words(title, _TITLE), _words(lead, _LEAD), Spacer(0, 6 * mm)]


def _words(text: str, style: ParagraphStyle) -> Paragraph:
    """Escaped, because reportlab reads tags in a paragraph, and file and column names are input."""
    return Paragraph(escape(_letters.shown(text)), style)


def _cards(result: Summary, width: float) -> Table:
    """The totals, large; three or four in a row."""
    cards = [(f"Total {c.name}", figure(c.total, _places(result, i))) for i, c in enumerate(result.columns)]
    cards = [("Rows", f"{result.rows:,}"), ("Groups", f"{len(result.groups):,}"), *cards]
    across = 3 if len(cards) in {3, 5, 6} else 4
    cards += [("", "")] * (-len(cards) % across)
    parts = [cards[start : start + across] for start in range(0, len(cards), across)]
    return Table(
        [line for part in parts for line in _card_lines(part, width / across - 20)],
        colWidths=[width / across] * across,
        style=TableStyle(_card_style(len(parts))),
    )


def _card_lines(part: Sequence[tuple[str, str]], room: float) -> list[list[str]]:
    labels = [_letters.fitted(label, REGULAR, 8, room) for label, _ in part]
    return [labels, [_letters.fitted(value, BOLD, 16, room) for _, value in part]]


def _card_style(parts: int) -> list[tuple[Any, ...]]:
    style: list[tuple[Any, ...]] = [
        ("BACKGROUND", (0, 0), (-1, -1), _CARD),
        ("LEFTPADDING", (0, 0), (-1, -1), 11),
        ("LINEAFTER", (0, 0), (-2, -1), 2, white),
        ("ROUNDEDCORNERS", [4, 4, 4, 4]),
    ]
    for label in range(0, 2 * parts, 2):
        value = label + 1
        style += [("FONT", (0, label), (-1, label), REGULAR, 8), ("TEXTCOLOR", (0, label), (-1, label), _FAINT)]
        style += [("FONT", (0, value), (-1, value), BOLD, 16), ("TEXTCOLOR", (0, value), (-1, value), _INK)]
        style += [("TOPPADDING", (0, label), (-1, label), 9), ("BOTTOMPADDING", (0, value), (-1, value), 13)]
    return style


def _chart(result: Summary, width: float) -> list[Flowable]:
    """The largest groups only: all others as one bar would dwarf them."""
    column, places = result.columns[0], _places(result, 0)
    ranked = result.ranked()
    largest = ranked if len(ranked) <= _BARS + 3 else ranked[:_BARS]
    bars = [(_letters.shown(g.name), float(g.totals[0]), figure(g.totals[0], places)) for g in largest]
    heading = f"{column.name} by {result.group_by}"
    if len(largest) < len(ranked):
        heading += f": the {len(largest)} largest of {len(ranked):,}"
    return [KeepTogether([_words(heading, _HEADING), Bars(bars, width)])]


def _table(result: Summary, groups: Sequence[Group], width: float) -> list[Flowable]:
    shares = all(group.totals[0] >= 0 for group in groups) and result.columns[0].total > 0
    numbers = len(result.columns) + 1 + shares
    column = min(32 * mm, width * 0.64 / numbers)
    widths = [width - column * numbers, *[column] * numbers]
    whole = Group("Total", [c.total for c in result.columns], result.rows)
    first, *others = [c.name for c in result.columns]
    head = [result.group_by, "Rows", first, *(["Share"] if shares else []), *others]
    rows = [_row(result, group, widths, shares) for group in [*groups, whole]]
    lines = [[_letters.fitted(t, BOLD, 8.5, w - 10) for t, w in zip(head, widths, strict=True)], *rows]
    table = Table(lines, colWidths=widths, repeatRows=1, style=TableStyle(_table_style(len(lines))))
    return [CondPageBreak(50 * mm), _words(f"All figures by {result.group_by}", _HEADING), table]


def _row(result: Summary, group: Group, widths: Sequence[float], shares: bool) -> list[str]:
    first, *others = [figure(total, _places(result, i)) for i, total in enumerate(group.totals)]
    share = [f"{group.totals[0] / result.columns[0].total:.1%}"] if shares else []
    cells = [group.name, f"{group.rows:,}", first, *share, *others]
    return [_letters.fitted(cell, REGULAR, 8.5, width - 10) for cell, width in zip(cells, widths, strict=True)]


def _table_style(lines: int) -> list[tuple[Any, ...]]:
    """Quiet lines: the figures are what is to be seen."""
    bands = [("BACKGROUND", (0, i), (-1, i), _BAND) for i in range(2, lines - 1, 2)]
    return [
        ("FONT", (0, 0), (-1, -1), REGULAR, 8.5),
        ("FONT", (0, 0), (-1, 0), BOLD, 8.5),
        ("FONT", (0, -1), (-1, -1), BOLD, 8.5),
        ("TEXTCOLOR", (0, 0), (-1, -1), _INK),
        ("TEXTCOLOR", (0, 0), (-1, 0), white),
        ("BACKGROUND", (0, 0), (-1, 0), _ACCENT),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
        ("LEFTPADDING", (0, 0), (-1, -1), 5),
        ("RIGHTPADDING", (0, 0), (-1, -1), 5),
        ("LINEBELOW", (0, 1), (-1, -3), 0.4, _RULE),
        ("LINEABOVE", (0, -1), (-1, -1), 1, _ACCENT),
        *bands,
    ]


def _notes(notes: Sequence[str], width: float) -> Flowable:
    lines = [[_words("About the data", _HEADING)], *[[_words(note, _NOTE)] for note in notes]]
    style: list[tuple[Any, ...]] = [
        ("BACKGROUND", (0, 0), (-1, -1), _WARM),
        ("LEFTPADDING", (0, 0), (-1, -1), 11),
        ("TOPPADDING", (0, 0), (-1, 0), 9),
        ("TOPPADDING", (0, 1), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -2), 1),
        ("BOTTOMPADDING", (0, -1), (-1, -1), 9),
        ("ROUNDEDCORNERS", [4, 4, 4, 4]),
    ]
    return KeepTogether([Table(lines, colWidths=[width], style=TableStyle(style))])


def figure(value: Decimal, places: int) -> str:
    """A number with thousands separated, and a true minus sign."""
    return f"{value:,.{places}f}".replace("-", "\u2212")


def _places(result: Summary, i: int) -> int:
    """Two decimals for a column where any group has a fraction."""
    return 2 if any(g.totals[i] != g.totals[i].to_integral_value() for g in result.groups.values()) else 0


class _Pages(Canvas):
    """Holds the pages back until their number is known, then writes "page 1 of 3" under each."""

    def __init__(self, foot: str, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._foot, self._kept = foot, list[dict[str, Any]]()

    def showPage(self) -> None:  # noqa: N802 - reportlab calls it so
        """Keep the page."""
        self._kept.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]  # missing in the stubs

    def save(self) -> None:
        """Write all pages with their feet."""
        for number, page in enumerate(self._kept, start=1):
            self.__dict__.update(page)
            self._draw_foot(f"Page {number} of {len(self._kept)}")
            super().showPage()
        super().save()

    def _draw_foot(self, number: str) -> None:
        width: float = self._pagesize[0]  # type: ignore[attr-defined]  # missing in the stubs
        self.setFont(REGULAR, 7.5)
        self.setFillColor(_FAINT)
        self.drawString(_MARGIN, _FOOT, _letters.fitted(self._foot, REGULAR, 7.5, width - 2 * _MARGIN - 60))
        self.drawRightString(width - _MARGIN, _FOOT, number)
