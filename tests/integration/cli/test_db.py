"""``fleet db`` on real databases."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from fleet.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result as Run


def test_upgrade_says_from_where_to_where_and_may_be_repeated(
    fleet: Callable[..., Run], database_url: str
) -> None:
    first = fleet("db", "upgrade", "--database", database_url)
    assert first.exit_code == 0
    assert first.output.endswith(f": no tables → {schema.head()}\n")
    assert fleet("db", "upgrade", "--database", database_url).output.endswith(f": already at {schema.head()}\n")


def test_current_says_whether_that_will_do(fleet: Callable[..., Run], postgres_url: str) -> None:
    before = fleet("db", "current", "--database", postgres_url).output
    assert before.endswith(f": no tables; this version needs {schema.head()}: run `fleet db upgrade`\n")
    fleet("db", "upgrade", "--database", postgres_url)
    after = fleet("db", "current", "--database", postgres_url).output
    assert after.endswith(f": {schema.head()}, as this version needs it\n")


def test_a_newer_database_is_left_to_the_version_that_made_it(fleet: Callable[..., Run], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fleet.db'}"
    fleet("db", "upgrade", "--database", url)
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    said = fleet("db", "current", "--database", url).output
    assert said.endswith(": a newer version of the fleet has upgraded it, so use that one\n")


def test_downgrade_asks_first(fleet: Callable[..., Run], database_url: str) -> None:
    fleet("db", "upgrade", "--database", database_url)
    refused = fleet("db", "downgrade", "base", "--database", database_url)
    assert refused.exit_code == 1
    assert "and lose what is newer?" in refused.output
    assert asyncio.run(schema.current(database_url)) == schema.head()

    done = fleet("db", "downgrade", "base", "--yes", "--database", database_url)
    assert done.output.endswith(f": {schema.head()} → no tables\n")
    assert asyncio.run(schema.current(database_url)) is None


def test_passwords_are_not_shown(fleet: Callable[..., Run]) -> None:
    run = fleet("db", "current", "--database", "postgresql://fleet:secret@127.0.0.1:1/fleet")
    assert run.exit_code == 1
    assert "does not answer" in run.output
    assert "secret" not in run.output


def test_sqlite_gets_its_folder_only_from_upgrade(fleet: Callable[..., Run], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/fleet.db"
    assert fleet("db", "current", "--database", url).exit_code == 1
    assert not (tmp_path / "new").exists()
    assert fleet("db", "upgrade", "--database", url).exit_code == 0
    assert (tmp_path / "new" / "folder" / "fleet.db").is_file()
