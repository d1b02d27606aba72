"""The fleet's database as the commands that only read it open it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.errors import Terminal
from fleet.store import urls
from fleet.store.database import Database
from fleet.store.errors import DatabaseUrlError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class NoDatabase(Terminal):
    """No hub has run on this database yet."""


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Database]:
    """The database of a fleet that exists. Looking at it must not make an empty one. Raises NoDatabase."""
    check_exists(url)
    async with Database.open(url) as database:
        yield database


def check_exists(url: str) -> None:
    """Raise NoDatabase where ``url`` names an SQLite file that is not there, DatabaseUrlError where it is none."""
    parsed = urls.parse(url)
    if urls.is_sqlite(parsed) and Path(parsed.database or "").is_dir():
        raise DatabaseUrlError(f"{urls.described(parsed)} is a folder: name the file in it")
    if urls.is_sqlite(parsed) and not Path(parsed.database or "").is_file():
        raise NoDatabase(
            f"there is no database at {parsed.database} yet: `fleet hub` makes it when it first runs. "
            f"If the fleet's memory is elsewhere, say where with --database or FLEET_DATABASE_URL"
        )
