from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from fleet.audit import retention
from fleet.audit.facts import Fact, Tag
from fleet.audit.log import AuditLog
from fleet.audit.query import query
from fleet.audit.retention import PruneRefused, prune
from fleet.audit.tables import AuditPruneRow
from fleet.kube.writes import Cause
from fleet.store.errors import DatabaseRejected

if TYPE_CHECKING:
    from fleet.store.database import Database

START = datetime(2026, 5, 1, tzinfo=UTC)
NOW = START + timedelta(days=100)


@pytest.fixture
async def hundred_days(database: Database) -> Database:
    """A fact a day."""
    clock = itertools.count()
    async with AuditLog(database, now=lambda: START + timedelta(days=next(clock))) as log:
        fact = Fact(tag=Tag.GRAPH_COMPLETED, cause=Cause(reason="a day went by"))
        await asyncio.gather(*(log.record(fact) for _ in range(100)))
    return database


async def test_pruning_deletes_what_is_older_and_nothing_else(
    hundred_days: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 30)

    assert await prune(hundred_days, before=START + timedelta(days=70), now=NOW) == 70

    left = await query(hundred_days)
    assert len(left) == 30
    assert left[-1].at == START + timedelta(days=70)


async def test_pruning_leaves_a_trace(hundred_days: Database) -> None:
    await prune(hundred_days, before=START + timedelta(days=70), now=NOW)
    await prune(hundred_days, before=START + timedelta(days=70), now=NOW)

    async with hundred_days.reading() as session:
        rows = (await session.scalars(select(AuditPruneRow))).all()
    assert [(row.cutoff, row.decided_at) for row in rows] == [(START + timedelta(days=70), NOW)]


async def test_what_is_newer_than_the_last_pruning_stays_protected(hundred_days: Database) -> None:
    await prune(hundred_days, before=START + timedelta(days=70), now=NOW)

    with pytest.raises(DatabaseRejected, match="append-only"):
        async with hundred_days.writing() as session:
            await session.execute(text("DELETE FROM audit_log"))

    assert len(await query(hundred_days)) == 30


async def test_the_future_cannot_be_forgotten(hundred_days: Database) -> None:
    with pytest.raises(PruneRefused, match="in the future"):
        await prune(hundred_days, before=NOW + timedelta(seconds=1), now=NOW)

    assert len(await query(hundred_days)) == 100


async def test_places_in_the_log_are_never_given_out_twice(hundred_days: Database) -> None:
    last = (await query(hundred_days, limit=1))[0].id
    await prune(hundred_days, before=NOW, now=NOW)
    async with AuditLog(hundred_days) as log:
        await log.record(Fact(tag=Tag.GRAPH_COMPLETED, cause=Cause(reason="another day")))

    (entry,) = await query(hundred_days)
    assert entry.id > last
