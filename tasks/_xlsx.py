"""A summary as an Excel workbook: all groups with a chart, and a sheet that says where the figures come from."""

import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from ._totals import Group, Summary

_HEADER_ROW = 4
_CHARTED = 12
_ACCENT = "2F4B7C"
_TITLE = Font(size=16, bold=True, color=_ACCENT)
_FAINT = Font(color="6B7280")
_HEAD = Font(bold=True, color="FFFFFF")
_BOLD = Font(bold=True)
_FILL = PatternFill("solid", fgColor=_ACCENT)
_LINE = Border(top=Side(style="thin", color=_ACCENT))
_RIGHT, _LEFT = Alignment(horizontal="right"), Alignment(horizontal="left")


def workbook(result: Summary, title: str, *, made: datetime) -> bytes:
    """The file's bytes. Rows are written as they come, so that many groups need little memory."""
    book = Workbook(write_only=True)
    _fill_table(book.create_sheet("Summary"), result, title)
    _fill_notes(book.create_sheet("About"), result, made)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _fill_table(sheet: Any, result: Summary, title: str) -> None:
    last_row, last_column = _HEADER_ROW + len(result.groups), len(result.columns) + 2
    _lay_out(sheet, result, last_row, last_column)
    sheet.append([_cell(sheet, title, font=_TITLE)])
    sheet.append([_cell(sheet, f"{result.source}: {result.rows:,} rows, {len(result.groups):,} groups", font=_FAINT)])
    sheet.append([])
    _append_header(sheet, result)
    formats = [_format(result, i) for i in range(len(result.columns))]
    for group in result.ranked():
        sheet.append(_row(sheet, group, formats))
    total = Group("Total", [column.total for column in result.columns], result.rows)
    sheet.append(_row(sheet, total, formats, font=_BOLD, border=_LINE))
    if result.groups:
        sheet.add_chart(_chart(sheet, result), f"{get_column_letter(last_column + 2)}{_HEADER_ROW}")


def _lay_out(sheet: Any, result: Summary, last_row: int, last_column: int) -> None:
    """A write-only sheet wants these before its first row."""
    sheet.freeze_panes = f"A{_HEADER_ROW + 1}"
    sheet.auto_filter.ref = f"A{_HEADER_ROW}:{get_column_letter(last_column)}{last_row}"
    longest = max((len(name) for name in result.groups), default=0)
    widths = [min(60, max(14, longest + 2)), 12, *(max(16, len(column.name) + 4) for column in result.columns)]
    for i, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(i)].width = width
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"{_HEADER_ROW}:{_HEADER_ROW}"


def _append_header(sheet: Any, result: Summary) -> None:
    titles = [result.group_by, "Rows", *(column.name for column in result.columns)]
    aligned = [_LEFT, *[_RIGHT] * (len(titles) - 1)]
    sheet.append([_cell(sheet, t, font=_HEAD, fill=_FILL, alignment=a) for t, a in zip(titles, aligned, strict=True)])


def _row(sheet: Any, group: Group, formats: Sequence[str], **style: Any) -> list[Any]:
    cells = [_cell(sheet, group.name, **style), _cell(sheet, group.rows, number_format="#,##0", **style)]
    pairs = zip(group.totals, formats, strict=True)
    return cells + [_cell(sheet, total, number_format=shape, **style) for total, shape in pairs]


def _cell(sheet: Any, value: str | int | Decimal, **style: Any) -> Any:
    """Text is text: a group named "=1+1" must not become a formula in the reader's Excel."""
    if not isinstance(value, str):
        cell = WriteOnlyCell(sheet, value)  # type: ignore[arg-type]  # Decimal is fine, the stubs forgot it
    else:
        cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:1000])
        cell.data_type, cell.quotePrefix = "s", value.startswith(("=", "+", "-", "@"))
    for name, setting in style.items():
        setattr(cell, name, setting)
    return cell


def _format(result: Summary, i: int) -> str:
    whole = all(group.totals[i] == group.totals[i].to_integral_value() for group in result.groups.values())
    return "#,##0" if whole else "#,##0.00"


def _chart(sheet: Any, result: Summary) -> BarChart:
    last = _HEADER_ROW + min(_CHARTED, len(result.groups))
    chart = BarChart(barDir="bar", gapWidth=40)
    chart.title, chart.legend = result.columns[0].name, None
    chart.add_data(Reference(sheet, min_col=3, min_row=_HEADER_ROW + 1, max_row=last))
    chart.set_categories(Reference(sheet, min_col=1, min_row=_HEADER_ROW + 1, max_row=last))
    chart.x_axis.scaling.orientation = "maxMin"  # the largest on top, as in the table
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.y_axis.numFmt, chart.y_axis.crosses = "#,##0", "max"
    chart.series[0].graphicalProperties.solidFill = _ACCENT
    chart.width, chart.height = 22, 11
    return chart


def _fill_notes(sheet: Any, result: Summary, made: datetime) -> None:
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 24, 100
    facts: list[tuple[str, str | int]] = [
        ("Source", result.source),
        ("Made", made.strftime("%Y-%m-%d %H:%M %Z")),
        ("Rows", result.rows),
        ("Rows left out", result.left_out),
        *((f"{column.name}: values", column.filled) for column in result.columns),
        *((f"{column.name}: no value", column.absent) for column in result.columns),
        *((f"{column.name}: no number", column.wrong) for column in result.columns),
        *(("Note", note) for note in result.notes()),
    ]
    for label, value in facts:
        sheet.append([_cell(sheet, label, font=_BOLD), _cell(sheet, value, alignment=_LEFT)])
