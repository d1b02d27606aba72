"""``fleet module test``."""

from __future__ import annotations

import asyncio
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
    bad = [each for each in ran if not (_settle(each) if update else _show(each))]
    click.echo(f"{len(ran) - len(bad)} passed, {len(bad)} failed" if bad else f"{len(ran)} passed")
    if bad:
        raise click.exceptions.Exit(1)


async def _run(authored: Authored, table: Iterable[Case]) -> list[Ran]:
    async with Evaluator(size=1) as evaluator:
        return [
            await running.run(evaluator, authored.module, case, check=soundness.check) for case in table
        ]


def _show(ran: Ran) -> bool:
    """Tell how a case ended, and whether it passed."""
    if ran.verdict is Verdict.PASSED:
        _line("ok", ran, colour="green")
        return True
    _line("FAILED", ran, colour="red", why=_why(ran))
    if ran.verdict is not Verdict.NEW:
        for line in ran.diff():
            click.echo(click.style(f"    {line}", fg=_COLOURS.get(line[:1])))
    return False


def _settle(ran: Ran) -> bool:
    """Make what came out what is expected, and tell whether that is done."""
    if ran.verdict is Verdict.TURNED:
        return _show(ran)
    if ran.verdict is Verdict.PASSED:
        _line("ok", ran, colour="green")
    else:
        cases.rewrite(ran.case, ran.found)
        _line("written", ran, colour="yellow", why=str(ran.case.file))
    return True


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


def _line(word: str, ran: Ran, *, colour: str, why: str = "") -> None:
    click.echo(f"{click.style(f'{word:<7}', fg=colour)} {ran.case.name}{f': {why}' if why else ''}")
