"""``fleet db`` on real databases."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from fleet.store import schema, urls

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


def test_downgrade_asks_first(fleet: Callable[..., Run], database_url: str) -> None:
    fleet("db", "upgrade", "--database", database_url)
    refused = fleet("db", "downgrade", "base", "--database", database_url)
    assert refused.exit_code == 1
    assert "and lose what is newer?" in refused.output
    assert asyncio.run(schema.current(database_url)) == schema.head()

    done = fleet("db", "downgrade", "base", "--yes", "--database", database_url)
    assert done.output.endswith(f": {schema.head()} → no tables\n")
    assert asyncio.run(schema.current(database_url)) is None


@pytest.mark.parametrize("revision", ["", "nonsense", "0009", "head", "-1"])
def test_there_is_only_a_way_back_to_what_was(fleet: Callable[..., Run], sqlite_url: str, revision: str) -> None:
    fleet("db", "upgrade", "--database", sqlite_url)
    fleet("db", "downgrade", "0002", "--yes", "--database", sqlite_url)
    for wrong in (revision, "0003"):
        run = fleet("db", "downgrade", "--yes", "--database", sqlite_url, "--", wrong)
        assert run.exit_code == 2
        assert f"REVISION {wrong!r}: this database can go back to base, 0001, 0002\n" in run.output
    assert asyncio.run(schema.current(sqlite_url)) == "0002"


def test_a_newer_database_is_not_to_be_upgraded(fleet: Callable[..., Run], sqlite_url: str) -> None:
    fleet("db", "upgrade", "--database", sqlite_url)
    with closing(sqlite3.connect(urls.parse(sqlite_url).database or "")) as there, there:
        there.execute("UPDATE alembic_version SET version_num = '9999'")
    told = fleet("db", "current", "--database", sqlite_url).output
    assert "9999; this version needs" in told
    assert "use that version, or a newer one" in told
    for command in (("upgrade",), ("downgrade", "base", "--yes")):
        run = fleet("db", *command, "--database", sqlite_url)
        assert run.exit_code == 1
        assert "has tables of another version of the fleet" in run.output


def test_looking_at_a_database_leaves_it_as_it_is(fleet: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as there, there:
        there.execute("CREATE TABLE theirs (id INTEGER)")
    before = file.read_bytes()
    assert "no tables" in fleet("db", "current", "--database", f"sqlite:///{file}").output
    assert (file.read_bytes(), [each.name for each in tmp_path.iterdir()]) == (before, [file.name])


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
