"""``fleet db``: the tables of the database, and which version of the fleet they are for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from fleet.cli import databases, options
from fleet.store import schema, urls


@click.group(short_help="Bring the database to this version's tables.")
def db() -> None:
    """The tables of the database, and which version of the fleet they are for.

    A hub brings its own SQLite file up to date by itself. A PostgreSQL that several hubs share is upgraded by
    you, before they are.
    """


@db.command()
@options.database
def upgrade(database_url: str | None) -> None:
    """Bring the tables to what this version needs. Nothing is lost, and doing it again is harmless."""
    url = options.read(database_url=database_url).database
    _make_folder(url)
    before = asyncio.run(schema.current(url))
    asyncio.run(schema.upgrade(url))
    after = asyncio.run(schema.current(url))
    name = urls.described(urls.parse(url))
    click.echo(f"{name}: {before or 'no tables'} → {after}" if before != after else f"{name}: already at {after}")


@db.command()
@options.database
def current(database_url: str | None) -> None:
    """Say which tables the database has, and whether this version works with them."""
    url = options.read(database_url=database_url).database
    databases.check_exists(url)
    found, needed = asyncio.run(schema.current(url)), schema.head()
    name = urls.described(urls.parse(url))
    if found == needed:
        click.echo(f"{name}: {found}, as this version needs it")
    else:
        click.echo(f"{name}: {found or 'no tables'}; this version needs {needed}: {schema.advice(found)}")


@db.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.database
def downgrade(*, revision: str, yes: bool, database_url: str | None) -> None:
    """Take the tables back to REVISION, or to `base` for none at all, for an older version of the fleet.

    What only newer tables hold is lost. Stop every hub before.
    """
    url = options.read(database_url=database_url).database
    databases.check_exists(url)
    name = urls.described(urls.parse(url))
    before = asyncio.run(schema.current(url))
    _check_older(revision, before)
    if not yes:
        click.confirm(
            f"Take {name} from {before or 'no tables'} to {revision}, and lose what is newer?", abort=True
        )
    asyncio.run(schema.downgrade(url, revision=revision))
    click.echo(f"{name}: {before or 'no tables'} → {asyncio.run(schema.current(url)) or 'no tables'}")


def _check_older(revision: str, before: str | None) -> None:
    """Refuse what is no way back. Where ``before`` is not known here, the migration itself tells."""
    ways = ("base", *schema.known())
    if before is None or before in ways:
        ways = ways[: ways.index(before or "base") + 1]
    if revision not in ways:
        raise click.UsageError(f"REVISION {revision!r}: this database can go back to {', '.join(ways)}")


def _make_folder(url: str) -> None:
    """Make the folder of an SQLite file, as a hub does where it starts with nothing."""
    parsed = urls.parse(url)
    if urls.is_sqlite(parsed):
        Path(parsed.database or "").parent.mkdir(parents=True, exist_ok=True)
