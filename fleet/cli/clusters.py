"""``fleet clusters``: who is in the fleet and how it was last seen, read from SQL."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from fleet.cli import databases, options, printing, tables, times
from fleet.cli.tables import Cell
from fleet.ids import ClusterName
from fleet.kube.connection import InCluster, KubeconfigRef, SecretRef
from fleet.registry.repository import ClusterRepository

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fleet.kube.connection import ConnectionRef
    from fleet.registry.clusters import Registration

HEADINGS = ("CLUSTER", "ROLES", "REACHABLE", "VERSION", "LAST SEEN", "LABELS", "REASON")


class Form(StrEnum):
    """How clusters are written."""

    TABLE = "table"
    JSON = "json"


@click.group(invoke_without_command=True, short_help="Show the clusters of the fleet.")
@options.database
@options.output(Form)
@click.pass_context
def clusters(ctx: click.Context, *, database_url: str | None, output: str) -> None:
    """Show the clusters of the fleet, and how each was last seen."""
    if ctx.invoked_subcommand is not None:
        ctx.default_map = {ctx.invoked_subcommand: ctx.params}  # options are understood before it, too
        return
    found = asyncio.run(_all(options.read(database_url=database_url).database))
    if Form(output) is Form.JSON:
        printing.json([document(each) for each in found])
    elif found:
        show_table(Console(), found, at=times.now())
    else:
        click.echo("No cluster is registered: put cluster files into the folder that the hub reads.", err=True)


@clusters.command()
@click.argument("name")
@options.database
@options.output(Form)
def show(*, name: str, database_url: str | None, output: str) -> None:
    """Show everything that is known of one cluster, also of one that has left the fleet."""
    found = asyncio.run(_one(options.read(database_url=database_url).database, ClusterName(name)))
    if Form(output) is Form.JSON:
        printing.json(document(found))
    else:
        tables.show_fields(Console(), _fields(found, at=times.now()))


def show_table(console: Console, registrations: Sequence[Registration], *, at: datetime) -> None:
    """The table of ``registrations``, as seen at this moment."""
    tables.show(console, HEADINGS, [_row(each, at=at) for each in registrations])


def document(registration: Registration) -> dict[str, Any]:
    """One cluster for machines; what is not known is left out."""
    cluster, health = registration.cluster, registration.health
    return printing.known(
        name=cluster.name,
        roles=sorted(cluster.roles),
        labels=dict(cluster.labels),
        suspended=cluster.suspend,
        connection=connection_in_words(cluster.connection),
        file=str(cluster.file),
        reachable=health.reachable if health else None,
        version=health.version if health else None,
        reason=health.reason if health else None,
        checkedAt=printing.moment(health.checked_at) if health else None,
        lastSeenAt=printing.moment(registration.last_seen_at),
        registeredAt=printing.moment(registration.registered_at),
        updatedAt=printing.moment(registration.updated_at),
        detachedAt=printing.moment(registration.detached_at),
    )


def connection_in_words(connection: ConnectionRef) -> str:
    """How a cluster is reached."""
    match connection:
        case KubeconfigRef(path=path, context=context):
            return f"kubeconfig {path}" + (f", context {context}" if context else "")
        case InCluster():
            return "the pod's service account"
        case SecretRef(namespace=namespace, name=name, key=key):
            return f"key {key} of Secret {namespace}/{name} on the hub cluster"


def _row(registration: Registration, *, at: datetime) -> tables.Row:
    cluster, health = registration.cluster, registration.health
    return (
        cluster.name,
        ",".join(sorted(cluster.roles)),
        _reachable(registration),
        (health.version if health else None) or "",
        times.age(registration.last_seen_at, at=at),
        ",".join(f"{key}={value}" for key, value in sorted(cluster.labels.items())),
        (health.reason if health else None) or "",
    )


def _reachable(registration: Registration) -> Cell:
    health = registration.health
    known = Cell("?", "dim") if health is None else Cell("yes", "green") if health.reachable else Cell("no", "red")
    return Cell(f"{known}, suspended", "yellow") if registration.cluster.suspend else known


def _fields(registration: Registration, *, at: datetime) -> dict[str, str | Cell]:
    cluster, health = registration.cluster, registration.health
    detached = registration.detached_at
    fields: dict[str, str | Cell] = {
        "Cluster": cluster.name,
        "Roles": ", ".join(sorted(cluster.roles)),
        "Labels": ", ".join(f"{key}={value}" for key, value in sorted(cluster.labels.items())),
        "Reachable": _reachable(registration),
        "Reason": (health.reason if health else None) or "",
        "Kubernetes": (health.version if health else None) or "",
        "Last seen": _ago(registration.last_seen_at, at=at),
        "Looked at": _ago(health.checked_at if health else None, at=at),
        "Connection": connection_in_words(cluster.connection),
        "File": str(cluster.file),
        "Registered": _ago(registration.registered_at, at=at),
        "Changed": _ago(registration.updated_at, at=at),
        "Detached": Cell(_ago(detached, at=at), "yellow"),
    }
    return {name: value for name, value in fields.items() if str(value)}


def _ago(moment: datetime | None, *, at: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {times.age(moment, at=at)} ago" if moment else ""


async def _all(url: str) -> tuple[Registration, ...]:
    async with databases.reading(url) as database:
        return await ClusterRepository(database).list()


async def _one(url: str, name: ClusterName) -> Registration:
    async with databases.reading(url) as database:
        return await ClusterRepository(database).get(name)
