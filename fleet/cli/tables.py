"""Tables: coloured and folded on a terminal, plain aligned columns where the output goes to a file or a pipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    Row = Sequence["str | Cell"]

_GAP = "  "
_SHORT = 14  # a time of day, a cluster's name: folded, it would be no use


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a colour that only a terminal shows."""

    text: str
    style: str = ""

    def __str__(self) -> str:
        return self.text


def show(console: Console, headings: Sequence[str], rows: Iterable[Row]) -> None:
    """Print a table. Plain output is never cut or folded: what reads it has no width.

    Neither is a table that is too wide for its terminal however much is folded, which then breaks the lines.
    """
    table = [headings, *rows]
    if console.is_terminal and _narrowest(table) <= console.width:
        console.print(_folded(headings, table[1:]))
        return
    columns = Columns()
    for row in table:
        columns.fit(row)
    for row in table:
        console.out(columns.line(row), highlight=False)


def width(headings: Sequence[str], rows: Iterable[Row]) -> int:
    """How many characters a table is wide in which nothing is folded."""
    return _sum(_widths([headings, *rows]))


def show_fields(console: Console, fields: Mapping[str, str | Cell]) -> None:
    """Print names and values, one a line."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        style = value.style if isinstance(value, Cell) else ""
        line = Text(f"{name + ':':<{width + 1}} ", style="bold").append(str(value), style=style or "not bold")
        console.print(line, soft_wrap=True)


class Columns:
    """Columns that grow with what is put into them, for rows that come one by one."""

    def __init__(self) -> None:
        self._widths: dict[int, int] = {}

    def fit(self, row: Row) -> None:
        """Make every column wide enough for ``row``."""
        for column, cell in enumerate(row):
            self._widths[column] = max(self._widths.get(column, 0), len(_one_line(cell)))

    def line(self, row: Row) -> str:
        """``row`` in one line."""
        self.fit(row)
        return _GAP.join(_one_line(cell).ljust(self._widths[at]) for at, cell in enumerate(row)).rstrip()


def _narrowest(table: Sequence[Row]) -> int:
    """How many characters a table takes whose long columns are folded as far as that is of use."""
    return _sum(min(longest, _SHORT) for longest in _widths(table))


def _widths(table: Sequence[Row]) -> Iterator[int]:
    for column in zip(*table, strict=True):
        yield max(len(_one_line(cell)) for cell in column)


def _sum(widths: Iterable[int]) -> int:
    each = list(widths)
    return sum(each) + len(_GAP) * (len(each) - 1)


def _one_line(cell: str | Cell) -> str:
    return " ".join(str(cell).split())


def _folded(headings: Sequence[str], rows: Iterable[Row]) -> Table:
    """A table whose long columns share what the short ones leave of the terminal's width."""
    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    cells = [list(row) for row in rows]
    for at, heading in enumerate(headings):
        longest = max(len(_one_line(row[at])) for row in [headings, *cells])
        table.add_column(heading, overflow="fold", no_wrap=longest <= _SHORT)
    for row in cells:
        table.add_row(*(Text(str(cell), style=cell.style if isinstance(cell, Cell) else "") for cell in row))
    return table
