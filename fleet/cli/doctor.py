"""``fleet doctor``: is everything in place, and what is to be done where it is not."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from importlib.metadata import version
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from fleet.cli import checks, clusterchecks, options, printing
from fleet.cli.checks import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.cli.checks import Check
    from fleet.settings import Settings

_MARKS = {Verdict.OK: ("✔", "green"), Verdict.WARNING: ("!", "yellow"), Verdict.FAILED: ("✘", "red")}


class Form(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"


@click.command(short_help="Check that everything is in place, and say what to do.")
@options.database
@options.clusters
@options.output(Form)
def doctor(database_url: str | None, clusters: Path | None, output: str) -> None:
    """Check that everything is in place, and say what to do where it is not.

    Looks at the CUE helper, the programs for git sources, the database, the cluster files, every cluster (as the
    hub connects to it, and with what the hub must be allowed to do) and the programs for local clusters. Changes
    nothing. The exit code is 1 if anything failed; what is only a warning does not keep the fleet from working.
    """
    settings = options.read(database_url=database_url, clusters=clusters)
    found = asyncio.run(examine(settings))
    if Form(output) is Form.JSON:
        printing.json({"version": version("pequod-fleet"), "checks": found})
    else:
        _show(found)
    sys.exit(any(each.verdict is Verdict.FAILED for each in found))


async def examine(settings: Settings) -> list[Check]:
    """Every check, in the order in which things depend on each other."""
    helper, database, control_planes = await asyncio.gather(
        checks.cue_helper(), checks.database(settings.database), checks.control_planes()
    )
    of_files, registrations = checks.cluster_files(settings.clusters)
    of_clusters = await clusterchecks.all_of(registrations.clusters)
    return [helper, checks.git_programs(), database, *of_files, *of_clusters, control_planes]


def _show(found: list[Check]) -> None:
    console = Console()
    width = max(len(each.subject) for each in found)
    console.print(f"fleet {version('pequod-fleet')}", highlight=False)
    for each in found:
        mark, style = _MARKS[each.verdict]
        line = Text.assemble((mark, style), f" {each.subject:<{width}}  {each.found}")
        console.print(line, soft_wrap=True)
        if each.advice:
            console.print(Text(f"  {'':<{width}}  → {each.advice}", style="bold"), soft_wrap=True)
