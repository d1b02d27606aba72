"""A database that is only looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.cli import databases
from fleet.store.errors import DatabaseUrlError

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_missing_file_is_told_with_what_to_do_and_not_made(tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    with pytest.raises(databases.NoDatabase, match=r"fleet\.db yet: `fleet hub` makes it.*FLEET_DATABASE_URL"):
        async with databases.reading(f"sqlite:///{file}"):
            pass
    assert not file.exists()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUrlError, match="is a folder: name the file in it"):
        databases.check_exists(f"sqlite:///{tmp_path}")


def test_a_server_is_not_asked(tmp_path: Path) -> None:
    databases.check_exists("postgresql://user:secret@192.0.2.1/fleet")
    assert list(tmp_path.iterdir()) == []
