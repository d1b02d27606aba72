"""INSERT … ON CONFLICT, which SQLite and PostgreSQL share and SQLAlchemy has once for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite

from fleet.store.base import table_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Dialect, Table

    from fleet.store.base import Base

Insert = postgresql.Insert | sqlite.Insert


def insert_or_update(
    row: type[Base],
    *,
    dialect: Dialect,
    key: Collection[str],
    update: Collection[str],
    update_if_given: Collection[str] = (),
) -> Insert:
    """A statement that gives the row with this ``key`` new values, or inserts it.

    NULL in a column of ``update_if_given`` leaves the value that the row has.
    """
    table = table_of(row)
    statement = _insert(table, dialect)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[table.c[column] for column in key],
        set_={
            **{column: new[column] for column in update},
            **{column: func.coalesce(new[column], table.c[column]) for column in update_if_given},
        },
    )


def insert_or_keep(row: type[Base], *, dialect: Dialect, key: Collection[str]) -> Insert:
    """A statement that leaves a row with this ``key`` as it is, or inserts it."""
    table = table_of(row)
    return _insert(table, dialect).on_conflict_do_nothing(index_elements=[table.c[column] for column in key])


def _insert(table: Table, dialect: Dialect) -> Insert:
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)
