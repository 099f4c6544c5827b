"""Group and total the rows of a CSV file in one pass, and count what could not be counted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import BinaryIO

from jobs import Discard

from . import _csv

# Twenty thousand groups with six totals need about 30 MB; a column with more different values identifies rows.
MOST_GROUPS = 20_000
NO_GROUP = "(empty)"
_TOLD_EVERY = 2_000
_EXAMPLES = 3

Tell = Callable[[int, int], None]


@dataclass(slots=True)
class Column:
    """A totalled column: its sum, and how many of its cells had a value, had none, or were not a number."""

    name: str
    total: Decimal = Decimal(0)
    filled: int = 0
    absent: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, text: str, sign: str, line: int) -> Decimal:
        """Count a cell and give its value, 0 when it has none."""
        value = _csv.number(text, sign)
        if value is not None:
            self.filled += 1
            self.total += value
            return value
        if _csv.absent(text):
            self.absent += 1
        else:
            self._complain(text, line)
        return Decimal(0)

    def _complain(self, text: str, line: int) -> None:
        self.wrong += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{text.strip()[:40]!r} in line {line:,}")


@dataclass(slots=True)
class Group:
    """The rows of one group and its totals, in the order of the columns."""

    name: str
    totals: list[Decimal]
    rows: int = 0


@dataclass(slots=True)
class Summary:
    """What a file adds up to."""

    source: str
    group_by: str
    columns: list[Column]
    groups: dict[str, Group] = field(default_factory=dict)
    rows: int = 0
    left_out: int = 0
    first_left_out: int = 0

    def ranked(self) -> list[Group]:
        """All groups, the largest first total on top."""
        return sorted(self.groups.values(), key=lambda group: (-group.totals[0], group.name))

    def top(self, most: int) -> list[Group]:
        """At most `most` groups, and one more that holds all others."""
        ranked = self.ranked()
        return ranked if len(ranked) <= most + 1 else [*ranked[:most], merged(ranked[most:], len(self.columns))]

    def notes(self) -> list[str]:
        """One sentence for everything a reader of the totals must know."""
        notes = [sentence for column in self.columns for sentence in _about(column)]
        if self.left_out:
            where = f"{'the first is ' if self.left_out > 1 else ''}line {self.first_left_out:,}"
            notes.append(f"{_many(self.left_out, 'row')} left out for more or fewer fields than the header: {where}.")
        return notes


def merged(groups: Sequence[Group], width: int) -> Group:
    """Several groups as one."""
    totals = [sum((group.totals[i] for group in groups), Decimal(0)) for i in range(width)]
    return Group(f"{len(groups):,} others", totals, sum(group.rows for group in groups))


def summarise(
    stream: BinaryIO, name: str, *, group_by: str, totals: Sequence[str], sign: str = "auto", tell: Tell
) -> Summary:
    """Read a CSV file once, row by row; `tell(bytes, rows)` hears how far it is.

    Raises Discard for a file that is none, columns that do not exist, and more groups than can be held.
    """
    shape = _csv.recognise(stream, name)
    key = _csv.column(shape, group_by, name)
    places = [_csv.column(shape, column, name) for column in dict.fromkeys(totals)]
    sign = _csv.decimal_sign(shape, places) if sign == "auto" else sign
    result = Summary(name, shape.header[key], [Column(shape.header[place]) for place in places])
    width = len(shape.header)
    for line, row in _told(_csv.rows(stream, shape, name), stream, result, tell):
        if len(row) == width:
            _add(result, row, key, places, sign, line)
        else:
            _leave_out(result, line)
    return result


def _told(
    rows: Iterable[tuple[int, list[str]]], stream: BinaryIO, result: Summary, tell: Tell
) -> Iterable[tuple[int, list[str]]]:
    for count, row in enumerate(rows):
        if count % _TOLD_EVERY == 0:
            tell(stream.tell(), result.rows)
        yield row


def _add(result: Summary, row: list[str], key: int, places: Sequence[int], sign: str, line: int) -> None:
    result.rows += 1
    group = _group(result, row[key].strip() or NO_GROUP)
    group.rows += 1
    for i, place in enumerate(places):
        group.totals[i] += result.columns[i].add(row[place], sign, line)


def _group(result: Summary, name: str) -> Group:
    group = result.groups.get(name)
    if group is None:
        if len(result.groups) >= MOST_GROUPS:
            raise Discard(
                f"{result.group_by!r} has more than {MOST_GROUPS:,} different values; group by a column with fewer"
            )
        group = result.groups[name] = Group(name, [Decimal(0)] * len(result.columns))
    return group


def _leave_out(result: Summary, line: int) -> None:
    result.left_out += 1
    result.first_left_out = result.first_left_out or line


def _about(column: Column) -> list[str]:
    notes = []
    if column.absent:
        notes.append(f"{column.name}: {_many(column.absent, 'row')} without a value.")
    if column.wrong:
        rest = " and more" if column.wrong > len(column.examples) else ""
        said = "value is not a number and is" if column.wrong == 1 else "values are not numbers and are"
        notes.append(f"{column.name}: {column.wrong:,} {said} not in the total: {', '.join(column.examples)}{rest}.")
    return notes


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
