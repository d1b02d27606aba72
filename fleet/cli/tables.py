"""Tables: coloured and folded on a terminal, plain aligned columns where the output goes to a file or a pipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    """Print a table. Plain output is never cut or folded: what reads it has no width."""
    if console.is_terminal:
        console.print(_folded(headings, rows))
        return
    table = [headings, *rows]
    columns = Columns()
    for row in table:
        columns.fit(row)
    for row in table:
        console.out(columns.line(row), highlight=False)


def width(headings: Sequence[str], rows: Iterable[Row]) -> int:
    """How many characters a table is wide in which nothing is folded."""
    columns = zip(*[headings, *rows], strict=True)
    widths = [max(len(_one_line(cell)) for cell in column) for column in columns]
    return sum(widths) + len(_GAP) * (len(widths) - 1)


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
