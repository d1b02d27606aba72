"""Runs a module's table of cases, and tells how each ended."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import click

from fleet.cli.module import soundness
from fleet.cue.authoring import golden, running
from fleet.cue.authoring.running import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.cue.authoring.cases import Case
    from fleet.cue.authoring.folders import Authored
    from fleet.cue.authoring.running import Ran
    from fleet.cue.evaluator import Evaluator


class Ended(StrEnum):
    """How a case ended, in the words that people see."""

    PASSED = "passed"
    WRITTEN = "written"
    FAILED = "failed"


_STYLES = {Ended.PASSED: "green", Ended.WRITTEN: "yellow", Ended.FAILED: "red"}
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


async def run(evaluator: Evaluator, authored: Authored, table: Iterable[Case]) -> list[Ran]:
    """Run every case. Raises ModuleError."""
    return [await running.run(evaluator, authored.module, case, check=soundness.check) for case in table]


def show(ran: Ran) -> Ended:
    """Tell how a case ended, and what differs."""
    if ran.verdict is Verdict.PASSED:
        return line(Ended.PASSED, ran)
    line(Ended.FAILED, ran, why=_why(ran))
    if ran.verdict is not Verdict.NEW:
        for each in ran.diff():
            click.echo(click.style(f"    {each}", fg=_COLOURS.get(each[:1])))
    return Ended.FAILED


def line(ended: Ended, ran: Ran, *, why: str = "") -> Ended:
    """One line for a case."""
    word = click.style(f"{ended:<7}", fg=_STYLES[ended])
    click.echo(f"{word} {ran.case.name}{f': {why}' if why else ''}")
    return ended


def _why(ran: Ran) -> str:
    file = ran.case.file
    match ran.verdict:
        case Verdict.NEW:
            return f"nothing is expected yet, and {_outcome(ran)} came; --update writes it into {file}"
        case Verdict.TURNED:
            return f"{_outcome(ran)} came instead; if that is right, remove what {file} expects, and --update"
        case _:
            return str(file)


def _outcome(ran: Ran) -> str:
    return "an error" if golden.ERROR in ran.found else "a graph"
