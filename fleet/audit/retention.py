"""Forgetting old facts, which is the only way in which rows leave the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from fleet.audit.tables import AuditPruneRow, AuditRow
from fleet.errors import Terminal
from fleet.store.upsert import insert_or_keep

if TYPE_CHECKING:
    from fleet.store.database import Database

ROWS_AT_ONCE = 500
"""In one transaction; others write between two of them, and wait for less than a tenth of a second."""


class PruneRefused(Terminal):
    """What was to be forgotten has not happened yet."""


async def prune(database: Database, *, before: datetime, now: datetime | None = None) -> int:
    """Delete the facts from before ``before``, and say how many. The decision itself stays in ``audit_prunes``."""
    now = now or datetime.now(UTC)
    if before > now:
        raise PruneRefused(
            f"cannot forget what happens until {before:%Y-%m-%d %H:%M:%S %Z}: that is in the future"
        )
    await _allow(database, before=before, now=now)
    total = 0
    while deleted := await _delete_some(database, before=before):
        total += deleted
    return total


async def _allow(database: Database, *, before: datetime, now: datetime) -> None:
    statement = insert_or_keep(AuditPruneRow, dialect=database.dialect, key=("cutoff",))
    async with database.writing() as session:
        await session.execute(statement, {"cutoff": before, "decided_at": now})


async def _delete_some(database: Database, *, before: datetime) -> int:
    some = select(AuditRow.id).where(AuditRow.at < before).order_by(AuditRow.at).limit(ROWS_AT_ONCE)
    async with database.writing() as session:
        connection = await session.connection()
        result = await connection.execute(delete(AuditRow).where(AuditRow.id.in_(some)))
        return result.rowcount
