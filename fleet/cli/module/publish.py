"""``fleet module publish``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from fleet.cli.module import options, outcomes, problems
from fleet.cue.authoring import cases, folders, registries
from fleet.cue.authoring.running import Verdict
from fleet.cue.evaluator import Evaluator
from fleet.cue.remote import ociref
from fleet.errors import Terminal

if TYPE_CHECKING:
    from fleet.cue.authoring.folders import Authored
    from fleet.cue.authoring.registries import Published
    from fleet.cue.authoring.running import Ran
    from fleet.cue.remote.ociref import OciRef


@click.command(short_help="Push a module to an OCI registry.")
@options.optional_where
@click.argument("ref")
def publish(*, where: str, ref: str) -> None:
    """Push a module to REF, such as ghcr.io/acme/example.com/shop:v0.1.0, as `cue mod publish` does.

    The tag is the module's version. A version never changes: the same content again is no error, other content is.
    A module that does not vet, or that fails one of its cases, is not published.

    Credentials are those of `docker login` and `cue login`. A registry on this machine is asked without TLS, and
    another one where REF says so: HOST+insecure/REPOSITORY:TAG.
    """
    to = _read(ref)
    with problems.told(where):
        authored, ran = asyncio.run(_examine(where))
        _refuse_failures(ran)
        published = asyncio.run(registries.publish(authored.files, to))
    _show(authored, published, to)


def _read(ref: str) -> OciRef:
    to = ociref.parse(ref, field="REF")
    if to.digest or not to.tag:
        raise Terminal(
            "REF: write the version to publish as a tag, such as :v0.1.0; the digest follows from the content"
        )
    return to


async def _examine(where: str) -> tuple[Authored, list[Ran]]:
    """Vet the module, and run its cases."""
    authored = await folders.read(where)
    table = cases.read_all(authored.cases)
    async with Evaluator(size=1) as evaluator:
        await evaluator.inspect(authored.module)
        await evaluator.schema(authored.module)
        return authored, await outcomes.run(evaluator, authored, table)


def _refuse_failures(ran: list[Ran]) -> None:
    failed = [each for each in ran if each.verdict is not Verdict.PASSED]
    for each in failed:
        outcomes.show(each)
    if failed:
        raise Terminal(f"not published: {len(failed)} of {len(ran)} cases failed")
    click.echo(f"{len(ran)} passed" if ran else "there are no cases to run")


def _show(authored: Authored, published: Published, to: OciRef) -> None:
    name = f"{published.module}@{to.tag}"
    click.echo(
        f"{name} is published already, with this very content" if published.already else f"published {name}"
    )
    click.echo(f"  module    {authored.module.digest}")
    click.echo(f"  manifest  {published.digest}")
    click.echo("\nIn a Transform:")
    click.echo(f"  cueRef:\n    type: oci\n    ref: {to.address}:{to.tag}@{published.digest}")
