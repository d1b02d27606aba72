"""What can be wrong with a cluster file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.errors import Terminal

if TYPE_CHECKING:
    from pathlib import Path


class ClusterFileError(Terminal):
    """A cluster file that cannot be used. ``line`` and ``column`` count from 1, and ``field`` is a dotted path.

    Where the whole file is the problem, there is no line and no field.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: Path,
        line: int | None = None,
        column: int | None = None,
        field: str = "",
    ) -> None:
        self.problem = problem
        self.file = file
        self.line = line
        self.column = column
        self.field = field
        place = f"{file}:{line}:{column}" if line else str(file)
        super().__init__(f"{place}: {field}: {problem}" if field else f"{place}: {problem}")
