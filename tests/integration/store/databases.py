"""A fixture for every room that keeps something in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fleet.store import schema
from fleet.store.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the fleet's tables: once on SQLite and once on PostgreSQL."""
    await schema.upgrade(database_url)
    async with Database.open(database_url) as database:
        yield database
