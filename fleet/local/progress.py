"""Shows the progress of a build: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from fleet.local.building import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from fleet.local.building import Progress

_PLAIN_STEP_PERCENT = 20


@contextmanager
def shown(stream: TextIO | None = None) -> Iterator[Callable[[Progress], None]]:
    """What to report progress to, for as long as the context lasts; ``stream`` is standard error by default."""
    stream = stream or sys.stderr
    if stream.isatty():
        with _bars(stream) as report:
            yield report
    else:
        yield _PlainLines(stream)


def describe(progress: Progress) -> str:
    """One phrase: ``compiling 120 of 900 packages``."""
    match progress.phase:
        case Phase.DOWNLOADING if progress.done:
            return f"downloading sources ({progress.done} modules)"
        case Phase.DOWNLOADING:
            return "looking at its sources"
        case Phase.COMPILING:
            return f"compiling {progress.done} of {progress.total} packages"
        case Phase.LINKING:
            return "linking"
        case Phase.DONE:
            return "built"


@contextmanager
def _bars(stream: TextIO) -> Iterator[Callable[[Progress], None]]:
    columns = (
        TextColumn("{task.fields[program]:<24}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=Console(file=stream)) as bars:

        def report(progress: Progress) -> None:
            if progress.program not in tasks:
                tasks[progress.program] = bars.add_task("", total=None, program=progress.program)
            task = tasks[progress.program]
            bars.update(task, description=describe(progress), completed=progress.done, total=progress.total)
            if progress.phase is Phase.DONE:
                bars.stop_task(task)

        yield report


class _PlainLines:
    """Reports each phase once, and compiling at every fifth of the way."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._said: tuple[str, Phase, int] | None = None

    def __call__(self, progress: Progress) -> None:
        percent = 100 * progress.done // progress.total if progress.total else 0
        now = (progress.program, progress.phase, percent // _PLAIN_STEP_PERCENT)
        if progress.phase is Phase.DOWNLOADING:
            now = (progress.program, progress.phase, min(progress.done, 1))
        if now != self._said:
            self._said = now
            print(f"{progress.program}: {describe(progress)}", file=self._stream, flush=True)
