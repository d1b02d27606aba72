"""``fleet transforms``: what is in force, and how far it has come, read from SQL."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from fleet.cli import databases, options, printing, tables, times
from fleet.cli.clusters import Form
from fleet.cli.tables import Cell
from fleet.errors import Terminal
from fleet.ids import TransformName
from fleet.transforms.repository import RolloutState, TransformRepository

if TYPE_CHECKING:
    from datetime import datetime

    from fleet.transforms.repository import Revision, Rollout, RolloutCounts

_STYLES = {
    RolloutState.READY: "green",
    RolloutState.FAILED: "red",
    RolloutState.PENDING: "yellow",
    RolloutState.WITHDRAWN: "dim",
}


class UnknownTransform(Terminal):
    """No Transform of that name ever had a revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    revision: Revision
    counts: RolloutCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    revisions: tuple[Revision, ...]  # the latest first
    rollouts: tuple[Rollout, ...]


@click.group(invoke_without_command=True, short_help="Show the Transforms and how far they are rolled out.")
@options.database
@options.output(Form)
@click.pass_context
def transforms(ctx: click.Context, *, database_url: str | None, output: str) -> None:
    """Show the Transforms in force, and on how many clusters each is ready."""
    if ctx.invoked_subcommand is not None:
        ctx.default_map = {ctx.invoked_subcommand: ctx.params}  # options are understood before it, too
        return
    found = asyncio.run(_all(options.read(database_url=database_url).database))
    if Form(output) is Form.JSON:
        printing.json([_summary(each) for each in found])
    elif found:
        _show_table(found)
    else:
        click.echo("No Transform has a revision: apply one to the hub cluster.", err=True)


@transforms.command()
@click.argument("name")
@options.database
@options.output(Form)
def show(*, name: str, database_url: str | None, output: str) -> None:
    """Show one Transform: each cluster's rollout, what its schema widens, and its revisions."""
    found = asyncio.run(_one(options.read(database_url=database_url).database, TransformName(name)))
    if Form(output) is Form.JSON:
        printing.json(_document(found))
    else:
        _show_one(found, at=times.now())


def _show_table(found: tuple[_Listed, ...]) -> None:
    headings = ("TRANSFORM", "KIND", "REVISION", "SELECTED", "READY", "FAILED", "SCHEMA ISSUES", "AGE")
    at = times.now()
    rows = []
    for each in found:
        revision, counts = each.revision, each.counts
        ready = Cell(str(counts.ready), "green" if counts.ready == counts.selected else "yellow")
        rows.append(
            (
                revision.transform,
                _kind(revision),
                str(revision.number),
                str(counts.selected),
                ready,
                Cell(str(counts.failed), "red" if counts.failed else ""),
                str(len(revision.schema_issues)),
                times.age(revision.created_at, at=at),
            )
        )
    tables.show(Console(), headings, rows)


def _show_one(found: _Shown, *, at: datetime) -> None:
    console, latest = Console(), found.revisions[0]
    selector = ", ".join(map(str, latest.placement.requirements)) or "every spoke"
    fields: dict[str, str | Cell] = {
        "Transform": latest.transform,
        "Kind": _kind(latest),
        "CRD": latest.crd["metadata"]["name"],
        "Revision": str(latest.number),
        "Module": latest.module_digest,
    }
    if latest.origin:
        fields["Origin"] = latest.origin
    fields["Placement"] = selector
    if latest.withdrawn_at:
        fields["Withdrawn"] = Cell(f"{times.age(latest.withdrawn_at, at=at)} ago", "yellow")
    tables.show_fields(console, fields)
    click.echo("\nRollouts")
    tables.show(
        console,
        ("CLUSTER", "STATE", "REVISION", "SINCE", "REASON"),
        [_rollout(each, at=at) for each in found.rollouts],
    )
    if latest.schema_issues:
        click.echo("\nSchema issues: here the CRD accepts more than the module does, which then refuses it")
        tables.show(console, ("PATH", "REASON"), [(each.path, each.reason) for each in latest.schema_issues])
    click.echo("\nRevisions")
    headings: tuple[str, ...] = ("NUMBER", "AGE", "MODULE", "KIND", "ORIGIN")
    if not any(each.origin for each in found.revisions):
        headings = headings[:-1]  # its module is part of the fleet, or of the Transform
    rows = [_revision_row(each, at=at)[: len(headings)] for each in found.revisions]
    tables.show(console, headings, rows)


def _rollout(rollout: Rollout, *, at: datetime) -> tables.Row:
    return (
        rollout.cluster,
        Cell(rollout.state.value, _STYLES[rollout.state]),
        str(rollout.revision),
        times.age(rollout.updated_at, at=at),
        rollout.reason or "",
    )


def _revision_row(revision: Revision, *, at: datetime) -> tuple[str, ...]:
    number, age = str(revision.number), times.age(revision.created_at, at=at)
    return number, age, revision.module_digest[:19], _kind(revision), revision.origin or ""


def _kind(revision: Revision) -> str:
    return f"{revision.resource.kind} ({revision.resource.api_version})"


def _summary(found: _Listed) -> dict[str, Any]:
    revision, counts = found.revision, found.counts
    return {
        **_revision(revision),
        "clusters": {"selected": counts.selected, "ready": counts.ready, "failed": counts.failed},
    }


def _revision(revision: Revision) -> dict[str, Any]:
    return printing.known(
        transform=revision.transform,
        revision=revision.number,
        moduleDigest=revision.module_digest,
        origin=revision.origin,
        apiVersion=revision.resource.api_version,
        kind=revision.resource.kind,
        plural=revision.resource.plural,
        crd=revision.crd["metadata"]["name"],
        placement=revision.placement.to_json(),
        schemaIssues=[{"path": each.path, "reason": each.reason} for each in revision.schema_issues],
        createdAt=printing.moment(revision.created_at),
        withdrawnAt=printing.moment(revision.withdrawn_at),
    )


def _document(found: _Shown) -> dict[str, Any]:
    rollouts = [
        printing.known(
            cluster=each.cluster,
            state=each.state.value,
            revision=each.revision,
            reason=each.reason,
            updatedAt=printing.moment(each.updated_at),
        )
        for each in found.rollouts
    ]
    return {"revisions": [_revision(each) for each in found.revisions], "rollouts": rollouts}


async def _all(url: str) -> tuple[_Listed, ...]:
    async with databases.reading(url) as database:
        repository = TransformRepository(database)
        return tuple(
            [
                _Listed(revision=each, counts=await repository.rollout_counts(each.transform))
                for each in await repository.all_latest()
            ]
        )


async def _one(url: str, name: TransformName) -> _Shown:
    async with databases.reading(url) as database:
        repository = TransformRepository(database)
        revisions: list[Revision] = []
        while revision := await repository.revision(name, number=len(revisions) + 1):
            revisions.insert(0, revision)
        if not revisions:
            raise UnknownTransform(
                f"no Transform {name} ever had a revision; `fleet transforms` lists those that are in force"
            )
        return _Shown(revisions=tuple(revisions), rollouts=await repository.rollouts(name))
