"""``fleet module vet``."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console

from fleet.cli import options as common
from fleet.cli import printing, tables
from fleet.cli.module import options, problems
from fleet.cue.authoring import folders
from fleet.cue.errors import CueError
from fleet.cue.evaluator import Evaluator
from fleet.transforms import names

if TYPE_CHECKING:
    from fleet.cue.authoring.folders import Authored
    from fleet.cue.contract import Meta, Schema


class Form(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"


@click.command(short_help="Check a module, and say where its schema is not exact.")
@options.where
@common.output(Form)
def vet(where: str, output: str) -> None:
    """Check that a module loads and keeps the contract, and that a schema can be made of it.

    Lists where the CRD will accept more than the module does: such an instance is refused when it is rendered,
    and not when it is applied. The exit code is 1 where something is wrong; a wider schema is not.
    """
    if Form(output) is Form.JSON:
        _vet_for_machines(where)
        return
    with problems.told(where):
        authored = asyncio.run(folders.read(where))
        meta, schema = asyncio.run(_examine(authored))
    click.echo(f"{authored.name}: a module of {_kind(authored, meta)}, {authored.module.digest}")
    if not schema.issues:
        click.echo("schema: exact: the API server refuses everything that the module does not accept")
        return
    where_wider = _places(len(schema.issues))
    click.echo(f"schema: wider than the module in {where_wider}; what it lets pass fails at rendering")
    rows = [(each.path, each.reason) for each in schema.issues]
    tables.show(Console(), ("PATH", "REASON"), rows)


async def _examine(authored: Authored) -> tuple[Meta, Schema]:
    """What the module says of itself, and its schema. Raises ModuleError."""
    async with Evaluator(size=1) as evaluator:
        return await evaluator.inspect(authored.module), await evaluator.schema(authored.module)


def _vet_for_machines(where: str) -> None:
    document: dict[str, Any] = {"module": where}
    try:
        authored = asyncio.run(folders.read(where))
        document["digest"] = authored.module.digest
        meta, schema = asyncio.run(_examine(authored))
    except CueError as exc:
        found = exc.problems or ({"message": str(exc)},)
        printing.json({**document, "ok": False, "error": type(exc).__name__, "problems": found, "widenings": []})
        raise click.exceptions.Exit(1) from exc
    widenings = msgspec.to_builtins(schema.issues)
    kind = _kind(authored, meta)
    printing.json({**document, "ok": True, "kind": kind, "problems": [], "widenings": widenings})


def _kind(authored: Authored, meta: Meta) -> str:
    return meta.kind or names.kind_of(authored.name)


def _places(count: int) -> str:
    return "1 place" if count == 1 else f"{count} places"
