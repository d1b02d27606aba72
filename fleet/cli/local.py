"""``fleet local``: real control planes on this machine, for development."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleet import settings
from fleet.local import background, binaries
from fleet.local.background import State
from fleet.local.localfleet import DEFAULT_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from fleet.local.background import ClusterStatus

_COLOURS = {State.READY: "green", State.UNWELL: "yellow", State.STOPPED: None}


def _folder_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--dir",
        "folder",
        type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
        help="Where the clusters' data, logs and kubeconfigs are.  [default: local/ in the data folder]",
    )(command)


@click.group()
def local() -> None:
    """Real control planes on loopback, for development: API server, controllers, scheduler, one node, etcd.

    No container is ever started: the node says of each pod scheduled on it that it runs.
    """


@local.command()
@click.option(
    "--clusters",
    "names",
    default=",".join(DEFAULT_NAMES),
    show_default=True,
    metavar="NAME,…",
    help="What to call them. Clusters that were in the folder before come up as well.",
)
@_folder_option
def up(names: str, folder: Path | None) -> None:
    """Start clusters, and leave them running.

    The first time, their programs are built from source, which takes some minutes.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        raise click.UsageError("--clusters: name one at least")
    programs = binaries.find_or_build(say=_say)
    clusters = background.up(_folder(folder), names=wanted, binaries=programs)
    _show(clusters)
    click.echo(f"\nexport KUBECONFIG={os.pathsep.join(str(cluster.kubeconfig) for cluster in clusters)}")
    click.echo(f"`{_command('down', folder)}` ends them and keeps their data.")


@local.command()
@click.option("--wipe", is_flag=True, help="Remove the clusters' data, logs and kubeconfigs as well.")
@_folder_option
def down(*, wipe: bool, folder: Path | None) -> None:
    """End the clusters; their data stays for the next `up`."""
    where = _folder(folder)
    if not where.is_dir():
        click.echo(f"There is no folder {where}.")
        return
    ended = background.wipe(where) if wipe else background.down(where)
    click.echo(f"Ended {ended} processes." if ended else "Nothing was running.")
    if wipe:
        click.echo(f"Removed {where}.")


@local.command()
@_folder_option
def status(folder: Path | None) -> None:
    """Show the clusters and whether they are ready."""
    where = _folder(folder)
    clusters = background.status(where)
    if clusters:
        _show(clusters)
    else:
        click.echo(f"There are no local clusters in {where}: `{_command('up', folder)}` starts some.")


@local.command()
def build() -> None:
    """Find or build the programs of a control plane, and say where they are."""
    found = binaries.find_or_build(say=_say)
    for field in dataclasses.fields(found):
        click.echo(str(getattr(found, field.name)))


def _folder(given: Path | None) -> Path:
    return given or settings.read(os.environ).data_folder / "local"


def _command(name: str, folder: Path | None) -> str:
    """The command of this group that is about the same folder."""
    return f"fleet local {name}" + (f" --dir {folder}" if folder else "")


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


def _show(clusters: Sequence[ClusterStatus]) -> None:
    width = max(len(cluster.name) for cluster in clusters)
    for cluster in clusters:
        state = click.style(f"{cluster.state:<8}", fg=_COLOURS[cluster.state])
        memory = f"{cluster.memory_mib} MiB" if cluster.memory_mib else ""
        click.echo(f"{cluster.name:<{width}}  {state}  {cluster.server}  {memory:>8}  {cluster.kubeconfig}")
        if cluster.trouble and cluster.state is not State.STOPPED:
            click.echo(f"{'':<{width}}  {cluster.trouble}")
