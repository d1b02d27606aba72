"""``fleet get``, ``fleet apply`` and ``fleet delete``: the objects of one cluster of the fleet."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import click
from rich.console import Console

from fleet.cli import kinds, manifests, options, printing, registered, tables
from fleet.cue.authoring import documents

if TYPE_CHECKING:
    from typing import TextIO

    from fleet.cli.manifests import Written
    from fleet.cli.onecluster import Manifest


class Form(StrEnum):
    """How objects are written."""

    TABLE = "table"
    WIDE = "wide"
    YAML = "yaml"
    JSON = "json"


@click.command(short_help="Show objects of one cluster.")
@click.argument("kind")
@click.argument("name", required=False)
@options.cluster
@options.namespace
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Of all namespaces.")
@options.database
@options.output(Form)
def get(
    *,
    kind: str,
    name: str | None,
    cluster: str,
    namespace: str | None,
    everywhere: bool,
    database_url: str | None,
    output: str,
) -> None:
    """Show objects of a KIND on one cluster, or the one called NAME.

    KIND is a plural, a singular, a short name, or a plural and its group: webservices, ws, deployments.apps.
    """
    if name is not None and everywhere:
        raise click.UsageError("NAME is of one namespace: leave out --all-namespaces")
    with registered.connect(cluster, database_url) as there:
        found = kinds.find(there, kind)
        if name is not None:
            place = found.one(name, namespace=namespace)
        else:
            place = found.everywhere() if everywhere else found.all(namespace=namespace)
        if Form(output) in {Form.TABLE, Form.WIDE}:
            _show(there.table(place), wide=Form(output) is Form.WIDE, namespaces=everywhere and found.namespaced)
            return
        objects = _applicable(there.read(place))
    if Form(output) is Form.JSON:
        printing.json(objects)
    else:
        click.echo(documents.dump(objects), nl=False)


@click.command(short_help="Apply manifests to one cluster.")
@click.option("-f", "--filename", "file", type=manifests.FILE, required=True, help="A YAML file, or - for stdin.")
@options.cluster
@options.namespace
@click.option("--force-conflicts", "force", is_flag=True, help="Take over fields that others manage.")
@options.database
def apply(*, file: TextIO, cluster: str, namespace: str | None, force: bool, database_url: str | None) -> None:
    """Apply the manifests of a file to one cluster, by server-side apply."""
    found = [(each.manifest, _namespace(each, wanted=namespace)) for each in manifests.read(file)]
    with registered.connect(cluster, database_url) as there:
        for manifest, where in found:
            kind = kinds.of(there, manifest["apiVersion"], manifest["kind"])
            there.apply(kind, manifest, namespace=where, force=force)
            click.echo(f"applied {manifest['kind']} {manifest['metadata']['name']} on {cluster}")


@click.command(short_help="Delete an object on one cluster.")
@click.argument("kind")
@click.argument("name")
@options.cluster
@options.namespace
@options.database
def delete(*, kind: str, name: str, cluster: str, namespace: str | None, database_url: str | None) -> None:
    """Ask one cluster to delete the object of a KIND that is called NAME."""
    with registered.connect(cluster, database_url) as there:
        there.delete(kinds.find(there, kind), name, namespace=namespace)
    click.echo(f"deletion of {kind} {name} on {cluster} asked for")


def _applicable(objects: Manifest) -> Manifest:
    """The object, or the list of them, as kubectl shows it, so that it can be applied again."""
    match objects:
        case {"apiVersion": api_version, "kind": str(kind), "items": list(items)}:
            head = {"apiVersion": api_version, "kind": kind.removesuffix("List")}  # which API servers leave out
            return {**objects, "items": [_unmanaged(head | each) for each in items]}
        case _:
            return _unmanaged(objects)


def _unmanaged(manifest: Manifest) -> Manifest:
    """Without what is long, and what an API server refuses in an apply."""
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "managedFields"}
    return {**manifest, "metadata": metadata}


def _namespace(written: Written, *, wanted: str | None) -> str | None:
    """Where the manifest goes. What the file says and what the option says must not differ."""
    said: str | None = written.manifest["metadata"].get("namespace")
    if said and wanted and said != wanted:
        raise click.UsageError(f"{written.place}: metadata.namespace is {said}, and --namespace is {wanted}")
    return said or wanted


def _show(table: Manifest, *, wide: bool, namespaces: bool) -> None:
    """The API server's own table, as kubectl prints it."""
    if not table["rows"]:
        click.echo("Nothing found.", err=True)
        return
    columns = [
        (at, column["name"].upper())
        for at, column in enumerate(table["columnDefinitions"])
        if wide or column["priority"] == 0
    ]
    rows = []
    for row in table["rows"]:
        namespace = [row["object"]["metadata"].get("namespace", "")] if namespaces else []
        rows.append([*namespace, *(_cell(row["cells"][at]) for at, _ in columns)])
    headings = [*(["NAMESPACE"] if namespaces else []), *(name for _, name in columns)]
    tables.show(Console(), headings, rows)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
