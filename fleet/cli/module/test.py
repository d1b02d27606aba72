"""``fleet module test``."""

from __future__ import annotations

import asyncio
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

import click

from fleet.cli.module import options, problems, soundness
from fleet.cue.authoring import cases, folders, golden, running
from fleet.cue.authoring.folders import CASES
from fleet.cue.authoring.running import Verdict
from fleet.cue.evaluator import Evaluator
from fleet.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.cue.authoring.cases import Case
    from fleet.cue.authoring.folders import Authored
    from fleet.cue.authoring.running import Ran


class _Ended(StrEnum):
    PASSED = "passed"
    WRITTEN = "written"
    FAILED = "failed"


_STYLES = {_Ended.PASSED: "green", _Ended.WRITTEN: "yellow", _Ended.FAILED: "red"}
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


class NoCases(Terminal):
    """There is nothing to run."""


@click.command(short_help="Run a module's own table of cases.")
@options.where
@click.option("-k", "pattern", default="", metavar="PATTERN", help="Only cases whose name contains PATTERN.")
@click.option("--update", is_flag=True, help="Write what comes out as what is expected from now on.")
def test(*, where: str, pattern: str, update: bool) -> None:
    """Run the cases in DIR/cases: each is a file whose first document goes in, and whose second is to come out.

    The exit code is 1 unless all pass. --update writes what came out into the files, but never an error in place
    of a graph or the other way round.
    """
    authored = folders.read(where)
    if update and authored.embedded:
        raise Terminal(f"{where} is part of this installation: its cases are not for you to change")
    folder = authored.folder / CASES
    table = cases.read_all(folder, pattern=pattern)
    if not table:
        which = f"no case with {pattern!r} in its name" if pattern else "no cases"
        raise NoCases(f"there are {which} in {folder}; docs/authoring.md shows what one looks like")
    with problems.told(authored.prefix):
        ran = asyncio.run(_run(authored, table))
    ended = Counter((_settle if update else _show)(each) for each in ran)
    click.echo(", ".join(f"{ended[how]} {how}" for how in _Ended if ended[how]))
    if ended[_Ended.FAILED]:
        raise click.exceptions.Exit(1)


async def _run(authored: Authored, table: Iterable[Case]) -> list[Ran]:
    async with Evaluator(size=1) as evaluator:
        return [
            await running.run(evaluator, authored.module, case, check=soundness.check) for case in table
        ]


def _show(ran: Ran) -> _Ended:
    """Tell how a case ended."""
    if ran.verdict is Verdict.PASSED:
        return _line(_Ended.PASSED, ran)
    _line(_Ended.FAILED, ran, why=_why(ran))
    if ran.verdict is not Verdict.NEW:
        for line in ran.diff():
            click.echo(click.style(f"    {line}", fg=_COLOURS.get(line[:1])))
    return _Ended.FAILED


def _settle(ran: Ran) -> _Ended:
    """Make what came out what is expected, unless that would turn a graph into an error or an error into a graph."""
    if ran.verdict in {Verdict.PASSED, Verdict.TURNED}:
        return _show(ran)
    cases.rewrite(ran.case, ran.found)
    return _line(_Ended.WRITTEN, ran, why=str(ran.case.file))


def _why(ran: Ran) -> str:
    match ran.verdict:
        case Verdict.NEW:
            return f"nothing is expected yet, and {_outcome(ran)} came; --update writes it into {ran.case.file}"
        case Verdict.TURNED:
            return f"{_outcome(ran)} came instead; if that is right, remove what {ran.case.file} expects and --update"
        case _:
            return ""


def _outcome(ran: Ran) -> str:
    return "an error" if golden.ERROR in ran.found else "a graph"


def _line(ended: _Ended, ran: Ran, *, why: str = "") -> _Ended:
    word = click.style(f"{ended:<7}", fg=_STYLES[ended])
    click.echo(f"{word} {ran.case.name}{f': {why}' if why else ''}")
    return ended
