"""Alembic's entry: on the connection that ``fleet.store.schema`` brings, or on ``-x database=URL`` for authors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from alembic import context
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

import fleet.apply.tables  # noqa: F401 - the imports fill the metadata
import fleet.audit.tables  # noqa: F401
import fleet.registry.tables  # noqa: F401
import fleet.transforms.tables  # noqa: F401
from fleet.store import urls
from fleet.store.base import Base, UtcDateTime

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from sqlalchemy import Connection

# Any number that nothing else on the server locks.
ONE_AT_A_TIME = 0x70657175


def migrate(connection: Connection) -> None:
    """Run what was asked for in one transaction, which nobody else's migration can share or interrupt."""
    context.configure(
        connection=connection, target_metadata=Base.metadata, transactional_ddl=True, render_item=_frozen
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":  # SQLite's transaction has the only write lock already
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        context.run_migrations()


def _frozen(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """Write plain types into revisions, which must keep their meaning when the fleet's own types change."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


async def migrate_from_the_command_line() -> None:
    """Connect to the database of ``alembic -x database=URL``."""
    url = context.get_x_argument(as_dictionary=True).get("database")
    if url is None:
        raise SystemExit("say which database: alembic -x database=sqlite:///fleet.db …")
    engine = create_async_engine(urls.parse(url))
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(migrate_from_the_command_line())
else:
    migrate(given)
