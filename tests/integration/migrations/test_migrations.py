"""The migrations, against both real databases."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

import fleet
from fleet.store import schema
from fleet.store.base import Base
from fleet.store.database import Database
from fleet.store.errors import SchemaError

if TYPE_CHECKING:
    from sqlalchemy import Connection

UPGRADE = "import asyncio, sys; from fleet.store import schema; asyncio.run(schema.upgrade(sys.argv[1]))"


for tables in Path(fleet.__file__).parent.glob("*/tables.py"):
    import_module(f"fleet.{tables.parent.name}.tables")  # fills the metadata


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    found: list[object] = compare_metadata(context, Base.metadata)
    return found


async def test_upgrading_gives_exactly_the_tables_of_the_code(database_url: str) -> None:
    await schema.upgrade(database_url)

    async with Database.open(database_url) as database, database.reading() as session:
        connection = await session.connection()
        assert await connection.run_sync(differences) == []
    assert await schema.current(database_url) == schema.head()


async def test_upgrading_again_changes_nothing(database_url: str) -> None:
    await schema.upgrade(database_url)

    await schema.upgrade(database_url)

    assert await schema.current(database_url) == schema.head()


async def test_downgrading_to_base_leaves_nothing_and_can_be_taken_back(database_url: str) -> None:
    await schema.upgrade(database_url)

    await schema.downgrade(database_url, revision="base")

    async with Database.open(database_url) as database, database.reading() as session:
        connection = await session.connection()
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["alembic_version"]
    assert await schema.current(database_url) is None
    await schema.upgrade(database_url)
    assert await schema.current(database_url) == schema.head()


async def test_tasks_that_upgrade_at_once_do_not_collide(database_url: str) -> None:
    await asyncio.gather(*(schema.upgrade(database_url) for _ in range(4)))

    assert await schema.current(database_url) == schema.head()


async def test_processes_that_upgrade_at_once_do_not_collide(database_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-c", UPGRADE, database_url),
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]

    ends = await asyncio.gather(*(asyncio.wait_for(process.communicate(), timeout=60) for process in processes))

    assert [process.returncode for process in processes] == [0, 0, 0], ends
    assert await schema.current(database_url) == schema.head()


def test_upgrading_works_under_the_loop_that_the_hub_runs_on(sqlite_url: str) -> None:
    async def upgrade() -> str | None:
        await schema.upgrade(sqlite_url)
        return await schema.current(sqlite_url)

    assert uvloop.run(upgrade()) == schema.head()


async def test_a_database_of_a_later_version_is_refused(database_url: str) -> None:
    await schema.upgrade(database_url)
    async with Database.open(database_url) as database, database.writing() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaError, match="another version"):
        await schema.upgrade(database_url)


async def test_a_migration_that_fails_leaves_the_database_as_it_was(database_url: str) -> None:
    async with Database.open(database_url) as database, database.writing() as session:
        await session.execute(text("CREATE TABLE audit_prunes (id INTEGER)"))  # in the way of the last steps

    with pytest.raises(Exception, match="audit_prunes"):
        await schema.upgrade(database_url)

    async with Database.open(database_url) as database, database.reading() as session:
        connection = await session.connection()
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert tables == ["audit_prunes"]


async def test_a_path_with_a_percent_sign_is_only_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "50%full"
    await asyncio.to_thread(folder.mkdir)
    url = f"sqlite:///{folder}/fleet.db"

    await schema.upgrade(url)

    assert await schema.current(url) == schema.head()
