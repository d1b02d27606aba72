"""``fleet module schema``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from fleet.cli.module import generated, options, problems
from fleet.cue.authoring import documents, folders
from fleet.cue.evaluator import Evaluator

if TYPE_CHECKING:
    from fleet.cli.module.generated import Generated


@click.command(short_help="Print the CRD that users of a module get.")
@options.where
@options.transform
@click.option("--name", help="Name of the Transform.  [default: the folder's name]")
@click.option("--spec-only", is_flag=True, help="Print the schema of spec alone.")
def schema(*, where: str, group: str, version: str, name: str | None, spec_only: bool) -> None:
    """Print the CRD that a Transform of the module generates, as YAML.

    Places where it accepts more than the module does go to standard error; `fleet module vet` explains them.
    """
    with problems.told(where):
        made = asyncio.run(_generate(where, name=name, group=group, version=version))
    click.echo(documents.dump(made.schema.schema if spec_only else made.crd), nl=False)
    for issue in made.schema.issues:
        click.echo(f"wider than the module: {issue.path}: {issue.reason}", err=True)


async def _generate(where: str, *, name: str | None, group: str, version: str) -> Generated:
    authored = await folders.read(where)
    async with Evaluator(size=1) as evaluator:
        return await generated.generate(evaluator, authored, name=name, group=group, version=version)
