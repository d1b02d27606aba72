"""Tables on a terminal, and where there is none."""

from __future__ import annotations

import io

from rich.console import Console

from fleet.cli import tables
from fleet.cli.tables import Cell, Columns

HEADINGS = ("NAME", "WHY")
ROWS: list[tuple[str | Cell, ...]] = [("a", Cell("it\nfailed", "red")), ("long-name", "")]


def printed(*, terminal: bool, width: int = 20) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=width, color_system="standard")
    tables.show(console, HEADINGS, ROWS)
    return file.getvalue()


def test_a_pipe_gets_aligned_columns_one_line_a_row_and_no_colours() -> None:
    assert printed(terminal=False) == "NAME       WHY\na          it failed\nlong-name\n"


def test_a_pipe_gets_everything_however_wide_it_is() -> None:
    assert printed(terminal=False, width=5) == printed(terminal=False, width=500)


def test_a_terminal_gets_colours() -> None:
    assert "\x1b[31mit" in printed(terminal=True)


def test_a_terminal_that_is_narrow_folds_long_cells_and_keeps_short_ones_whole() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=40, color_system=None)
    why = "a reason that is longer than the terminal is wide"
    tables.show(console, HEADINGS, [("2026-05-01", why)])
    first, *rest = file.getvalue().splitlines()[1:]
    assert first.startswith("2026-05-01  a reason")
    assert rest, "it is folded"
    assert "".join([first.removeprefix("2026-05-01"), *rest]).split() == why.split()


def test_a_terminal_that_is_too_narrow_breaks_the_lines_and_cuts_nothing() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=20, color_system=None)
    tables.show(console, ("CLUSTER", "REACHABLE", "VERSION"), [("spoke-1", "yes", "v1.36.3")])
    assert file.getvalue() == "CLUSTER  REACHABLE  VERSION\nspoke-1  yes        v1.36.3\n"


def test_width_is_that_of_the_plain_table() -> None:
    assert tables.width(HEADINGS, ROWS) == len("long-name  it failed")


def test_text_that_looks_like_markup_is_shown_as_it_is() -> None:
    file = io.StringIO()
    tables.show(Console(file=file, force_terminal=True, width=80), ("A",), [("[red]x[/red]",)])
    assert "[red]x[/red]" in file.getvalue()


def test_columns_grow_with_their_rows() -> None:
    columns = Columns()
    assert columns.line(("a", "b")) == "a  b"
    assert columns.line(("longer", "b")) == "longer  b"
    assert columns.line(("a", "b")) == "a       b"


def test_fields_are_aligned() -> None:
    file = io.StringIO()
    tables.show_fields(Console(file=file), {"Name": "a", "Reachable": Cell("no", "red")})
    assert file.getvalue() == "Name:      a\nReachable: no\n"
