"""``fleet module test``."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import click

from fleet.cli.module import options, outcomes, problems
from fleet.cli.module.outcomes import Ended
from fleet.cue.authoring import cases, folders
from fleet.cue.authoring.running import Verdict
from fleet.cue.evaluator import Evaluator
from fleet.errors import Terminal

if TYPE_CHECKING:
    from fleet.cue.authoring.running import Ran


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
    if update and folders.is_embedded(where):
        raise Terminal(f"{where} is part of this installation: its cases are not for you to change")
    with problems.told(where):
        ran = asyncio.run(_run(where, pattern=pattern))
    settle = _settle if update else outcomes.show
    ended = Counter(settle(each) for each in ran)
    click.echo(", ".join(f"{ended[how]} {how}" for how in Ended if ended[how]))
    if ended[Ended.FAILED]:
        raise click.exceptions.Exit(1)


async def _run(where: str, *, pattern: str) -> list[Ran]:
    authored = await folders.read(where)
    table = cases.read_all(authored.cases, pattern=pattern)
    if not table:
        which = f"is no case with {pattern!r} in its name" if pattern else "are no cases"
        raise NoCases(f"there {which} in {authored.cases}; docs/authoring.md shows what one looks like")
    async with Evaluator(size=1) as evaluator:
        return await outcomes.run(evaluator, authored, table)


def _settle(ran: Ran) -> Ended:
    """Make what came out what is expected, but never an error of a graph, or a graph of an error."""
    if ran.verdict in {Verdict.PASSED, Verdict.TURNED}:
        return outcomes.show(ran)
    cases.rewrite(ran.case, ran.found)
    return outcomes.line(Ended.WRITTEN, ran, why=str(ran.case.file))
