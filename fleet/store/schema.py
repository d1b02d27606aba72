"""Bring a database's tables to the ones that this version works with, by the migrations that ship with it.

Alembic keeps what it works on in module globals and blocks while it loads its scripts, so a migration has a
thread and an event loop of its own, one at a time in a process. Between processes, migrations/env.py queues.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from fleet.shipped import shipped
from fleet.store import database, urls
from fleet.store.errors import SchemaError, mapped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

_ALEMBIC = threading.Lock()


def head() -> str:
    """The revision that this version of the fleet works with."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise SchemaError("migrations/ holds no revision; install pequod-fleet again")
    return revision


def known() -> tuple[str, ...]:
    """The revisions that this version of the fleet knows, oldest first."""
    return tuple(each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions())[::-1]


async def current(url: str) -> str | None:
    """The revision that the database is at, or None for one without tables. Only looks."""
    async with database.Database.open(url) as there, there.reading() as session:
        connection = await session.connection()
        return await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision(),
        )


async def upgrade(url: str, *, revision: str = "head") -> None:
    """Apply what the database lacks. Several processes may do this at once: one works, the others wait."""
    await asyncio.to_thread(_alone, url, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, *, revision: str) -> None:
    """Take migrations back, down to and without those after ``revision`` (``base`` for all). Data is lost.

    Raises SchemaError where there is no such revision, or it is newer than the database.
    """
    await asyncio.to_thread(_alone, url, lambda config: command.downgrade(config, revision))


def advice(found: str | None) -> str:
    """What to do with a database that is not at `head`."""
    if found is None or found in known():
        return "run `fleet db upgrade`"
    return "another version of the fleet made it, or another program: use that version, or a newer one"


def _alone(url: str, migrate: Callable[[Config], None]) -> None:
    with _ALEMBIC:
        asyncio.run(_run(url, migrate))


async def _run(url: str, migrate: Callable[[Config], None]) -> None:
    def on(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        migrate(config)

    try:
        async with _connection(url) as connection:
            await connection.run_sync(on)
    except CommandError as error:
        raise SchemaError(
            f"{urls.described(urls.parse(url))} has tables of another version of the fleet, or of another program "
            f"({error}); use the version that wrote them, or a newer one"
        ) from error


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AsyncConnection]:
    parsed = urls.parse(url)
    # Migrating a large table takes as long as it takes, hence no statement timeout.
    engine = (
        database.sqlite_writer(parsed)
        if urls.is_sqlite(parsed)
        else database.postgres_engine(parsed, statement_timeout_s=None)
    )
    try:
        with mapped(urls.described(parsed)):
            async with engine.connect() as connection:
                yield connection
    finally:
        await engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    return config
