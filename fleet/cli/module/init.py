"""``fleet module init``."""

from __future__ import annotations

from pathlib import Path

import click

from fleet.cue.authoring import scaffold
from fleet.transforms import names


@click.command(short_help="Write a first module to start from.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--kind", help="The kind that it defines.  [default: from the folder's name]")
def init(folder: Path, kind: str | None) -> None:
    """Write a first module into DIR, which is not there yet or empty.

    It is small and complete: it vets, renders and passes its tests at once, and its comments explain it.
    """
    name = folder.resolve().name.lower().replace("_", "-")
    for file in scaffold.write(folder, kind=kind or names.kind_of(name)):
        click.echo(f"wrote {file}")
    click.echo(f"\nNext: read {folder / 'schema.cue'} and {folder / 'render.cue'}, and change them. Then:")
    for command in ("vet", "test"):
        click.echo(f"  fleet module {command} {folder}")
