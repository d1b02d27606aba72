"""Sessions, against both real databases."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import JSON, insert, null, select, text, type_coerce

from fleet.registry.tables import ClusterRow
from fleet.store import database as database_module
from fleet.store import schema
from fleet.store.database import Database
from fleet.store.errors import DatabaseBusy, DatabaseRejected, DatabaseUnavailable, DatabaseUrlError, SchemaError

if TYPE_CHECKING:
    from pathlib import Path

COUNT = text("UPDATE counters SET value = :value")
VALUE = text("SELECT value FROM counters")


async def make_counter(database: Database) -> None:
    async with database.writing() as session:
        await session.execute(text("CREATE TABLE counters (value INTEGER)"))
        await session.execute(text("INSERT INTO counters VALUES (0)"))


async def value(database: Database) -> int:
    async with database.reading() as session:
        found: int = (await session.execute(VALUE)).scalar_one()
        return found


async def add_one(database: Database) -> None:
    async with database.writing() as session:
        found = (await session.execute(VALUE)).scalar_one()
        await asyncio.sleep(0)
        await session.execute(COUNT, {"value": found + 1})


async def test_what_is_written_is_read(database: Database) -> None:
    await make_counter(database)

    await add_one(database)

    assert await value(database) == 1


async def test_a_failed_body_changes_nothing(database: Database) -> None:
    await make_counter(database)

    async def write_and_fail() -> None:
        async with database.writing() as session:
            await session.execute(COUNT, {"value": 7})
            raise LookupError

    with pytest.raises(LookupError):
        await write_and_fail()

    assert await value(database) == 0


async def test_a_reading_session_cannot_write(database: Database) -> None:
    await make_counter(database)

    with pytest.raises(DatabaseRejected):
        async with database.reading() as session:
            await session.execute(COUNT, {"value": 7})

    assert await value(database) == 0


async def test_concurrent_writers_of_one_process_never_find_sqlite_locked(sqlite_url: str) -> None:
    async with Database.open(sqlite_url) as database:
        await make_counter(database)

        await asyncio.gather(*(add_one(database) for _ in range(200)))

        assert await value(database) == 200


async def test_writers_of_two_processes_wait_for_each_other(sqlite_url: str) -> None:
    async with Database.open(sqlite_url) as hub, Database.open(sqlite_url) as cli:
        await make_counter(hub)

        await asyncio.gather(*(add_one(database) for _ in range(50) for database in (hub, cli)))

        assert await value(cli) == 100


async def test_readers_see_the_last_commit_beside_a_writer(sqlite_url: str) -> None:
    async with Database.open(sqlite_url) as database:
        await make_counter(database)
        async with database.writing() as session:
            await session.execute(COUNT, {"value": 7})

            assert await value(database) == 0

        assert await value(database) == 7


async def test_writers_cancelled_at_any_point_leave_a_database_that_works(database: Database) -> None:
    await make_counter(database)
    tasks = [asyncio.create_task(add_one(database)) for _ in range(40)]
    for task in tasks:
        await asyncio.sleep(0.001)  # a different point of its transaction for each
        task.cancel()
    await asyncio.wait(tasks)
    before = await value(database)

    await asyncio.wait_for(add_one(database), timeout=10)

    assert await value(database) == before + 1


async def test_a_lock_that_another_process_keeps_is_busy(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.05)
    async with Database.open(sqlite_url) as database:
        await make_counter(database)
        other = sqlite3.connect(tmp_path / "fleet.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(DatabaseBusy, match="locked"):
                await add_one(database)
        finally:
            other.close()

        await add_one(database)

        assert await value(database) == 1


async def test_a_missing_table_is_answered_with_the_command_that_makes_it(database_url: str) -> None:
    async with Database.open(database_url) as database:
        with pytest.raises(SchemaError, match="fleet db upgrade"):
            async with database.reading() as session:
                await session.execute(select(ClusterRow))


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with Database.open("postgresql://fleet:hunter2@127.0.0.1:1/fleet") as database:
        with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1") as raised:
            await database.ping()

    assert "hunter2" not in str(raised.value)


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUrlError, match=f"no folder {tmp_path}/missing"):
        async with Database.open(f"sqlite:///{tmp_path}/missing/fleet.db"):
            pass


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fleet.db").write_text("name: spoke-1\n" * 100)

    async with Database.open(f"sqlite:///{tmp_path}/fleet.db") as database:
        with pytest.raises(DatabaseRejected, match="not a database"):
            await database.ping()


async def test_connections_that_the_server_ended_are_replaced_unnoticed(postgres_url: str) -> None:
    async with Database.open(postgres_url) as database, Database.open(postgres_url) as admin:
        await database.ping()
        async with admin.writing() as session:
            ended = await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            assert len(ended.all()) >= 1

        await database.ping()


async def test_postgresql_urls_take_the_parameters_of_libpq(postgres_url: str) -> None:
    async with Database.open(f"{postgres_url}?sslmode=disable") as database:
        await database.ping()


async def test_moments_come_back_in_utc_and_absent_json_is_null(database: Database) -> None:
    in_tokyo = datetime(2026, 5, 1, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    async with database.writing() as session:
        await session.execute(
            insert(ClusterRow).values(
                name="a",
                labels={"tier": "prod"},
                roles=["spoke"],
                connection={},
                suspended=False,
                file="",
                file_digest="",
                registered_at=in_tokyo,
                updated_at=in_tokyo,
            )
        )
    async with database.reading() as session:
        row = (await session.scalars(select(ClusterRow))).one()
        no_json = await session.scalar(select(type_coerce(null(), JSON)))

    assert row.registered_at == in_tokyo
    assert row.registered_at.tzinfo is UTC
    assert row.labels == {"tier": "prod"}
    assert no_json is None


async def test_opening_does_not_touch_the_database(sqlite_url: str, tmp_path: Path) -> None:
    async with Database.open(sqlite_url):
        pass

    assert await asyncio.to_thread(os.listdir, tmp_path) == []


async def test_current_is_none_for_an_empty_database(database_url: str) -> None:
    assert await schema.current(database_url) is None
