"""Tables that fit the terminal: what matters least gives way first."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_GAP = 2
_LEAST = 16  # characters that a column which gives way keeps

Cell = str | Text | int | None


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, width: int) -> Table:
    """A table without lines.

    The end of a column's name says how it behaves: `>` holds numbers, `?` is left out where there is little room, the
    last one first, and `~` is shortened.
    """
    cells = [[text_of(cell) for cell in row] for row in rows]
    shown = _fitting(columns, cells, width)
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    spare = max(0, width - _needed(columns, cells, shown))
    for number in shown:
        _add(made, columns[number], _natural(columns, cells, number), spare)
    for row in cells:
        made.add_row(*(row[number] for number in shown))
    return made


def clean(text: str) -> str:
    """Without control characters: what tasks and callers wrote must not steer the operator's terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def text_of(cell: Cell) -> Text:
    """A cell as it is printed."""
    if isinstance(cell, Text):
        return cell
    return Text("" if cell is None else clean(f"{cell:,}" if isinstance(cell, int) else cell))


def _add(made: Table, name: str, natural: int, spare: int) -> None:
    title, justify = name.rstrip(">?~"), "right" if ">" in name else "left"
    if "~" in name:
        # Rich's own shrinking counts the gap behind the last column, and would cut off the ellipsis.
        overflow = "ellipsis" if sys.stdout.isatty() else "fold"
        made.add_column(title, no_wrap=True, overflow=overflow, max_width=natural + spare)  # type: ignore[arg-type]
    else:
        made.add_column(title, justify=justify, no_wrap=True, min_width=natural)  # type: ignore[arg-type]


def _fitting(columns: Sequence[str], cells: Sequence[Sequence[Text]], width: int) -> list[int]:
    shown = list(range(len(columns)))
    for number in reversed(range(len(columns))):
        if _needed(columns, cells, shown) <= width:
            return shown
        if "?" in columns[number]:
            shown.remove(number)
    return shown


def _needed(columns: Sequence[str], cells: Sequence[Sequence[Text]], shown: Sequence[int]) -> int:
    return sum(_natural(columns, cells, number) + _GAP for number in shown) - _GAP


def _natural(columns: Sequence[str], cells: Sequence[Sequence[Text]], number: int) -> int:
    widest = max([len(columns[number].rstrip(">?~")), *(row[number].cell_len for row in cells)])
    return min(widest, _LEAST) if "~" in columns[number] else widest
