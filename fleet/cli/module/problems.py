"""Problems of a module, for people: where, what, what was expected and what was there."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import msgspec

from fleet.cue.authoring import folders
from fleet.cue.errors import CueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fleet.cue.authoring.documents import Place
    from fleet.cue.errors import Problem

    Written = Callable[[str], Place | None]


@contextmanager
def told(where: str, *, written: Written = lambda _: None) -> Iterator[None]:
    """Tell what is wrong with a module, or with what it was given, and end with exit code 1.

    ``written`` knows where the user wrote a part of the input.
    """
    try:
        yield
    except CueError as exc:
        show(exc, prefix=folders.prefix(where), written=written)
        raise click.exceptions.Exit(1) from exc


def show(error: CueError, *, prefix: Path, written: Written = lambda _: None) -> None:
    """Print the error and each of its problems to standard error."""
    if not error.problems:
        click.echo(f"{click.style('error:', fg='red')} {error}", err=True)
        return
    kind = click.style(f"{type(error).__name__}:", fg="red")
    summary = str(error).partition(f": {error.problems[0]}")[0]  # each problem gets lines of its own
    click.echo(f"{kind} {summary}", err=True)
    for problem in error.problems:
        for line in lines(problem, prefix=prefix, written=written):
            click.echo(line, err=True)


def lines(problem: Problem, *, prefix: Path, written: Written = lambda _: None) -> Iterator[str]:
    """One problem. What the user wrote is its place where that is known, and then the module's the reason."""
    declared = located(problem, prefix=prefix)
    place = written(problem.path or "")
    if place is None:
        yield str(declared)
    else:
        yield str(msgspec.structs.replace(problem, file=place.file, line=place.line, column=place.column))
    for name, value in (("expected", problem.expected), ("found", problem.found)):
        if value:
            yield f"    {name:<9} {value}"
    if place is not None and declared.file:
        yield f"    {'declared':<9} {declared.file}:{declared.line}:{declared.column}"


def located(problem: Problem, *, prefix: Path) -> Problem:
    """The problem with its file as seen from here; one of a dependency, which is in no folder, with its module."""
    if not problem.file:
        return problem
    dependency = problem.file.removeprefix(f"{folders.DEPENDENCIES}/")
    file = str(prefix / problem.file) if dependency == problem.file else dependency
    return msgspec.structs.replace(problem, file=file)
