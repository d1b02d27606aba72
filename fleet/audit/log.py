"""The audit log that the hub writes to."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from fleet.audit.facts import fact_row, intent_row, outcome_row
from fleet.audit.group import GroupWriter
from fleet.audit.tables import AuditRow
from fleet.kube.writes import OperationId, WriteOutcome
from fleet.store.upsert import insert_or_keep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from fleet.audit.facts import Fact, Row
    from fleet.kube.writes import Write
    from fleet.store.database import Database

DRAIN_S = 10.0
"""How long closing waits for the database to take what is still queued."""


class AuditLog:
    """``async with AuditLog(database) as log``. Implements ``fleet.kube.writes.WriteLog``.

    Should the task that writes ever fail, the body of the ``async with`` is cancelled and the failure raised.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now
        self._statement = insert_or_keep(AuditRow, dialect=database.dialect, key=("operation", "tag"))
        self._group = GroupWriter(self._insert)
        self._tasks = asyncio.TaskGroup()
        # Ascending, so that the index on operations grows at its end; random, so that processes do not collide.
        self._run_id = f"{time.time_ns() // 1_000_000:x}{secrets.token_hex(3)}"
        self._operations = itertools.count(1)

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._writer = self._tasks.create_task(self._group.run(), name="audit writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._group.finish()
        try:
            await asyncio.wait([self._writer], timeout=DRAIN_S)
        finally:
            self._writer.cancel()
            await self._tasks.__aexit__(kind, error, trace)

    async def intend(self, write: Write) -> OperationId:
        """Record what is about to be done, and return when that record would survive a crash.

        Raises AuditUnavailable where it cannot be recorded, and then it must not be done.
        """
        operation = self._new_operation()

        def unsent() -> Row:
            outcome = WriteOutcome(error="cancelled before it was sent", duration_s=0)
            return outcome_row(write, outcome=outcome, operation=operation, at=self._now())

        row = intent_row(write, operation=operation, at=self._now())
        await self._group.durable(row, if_abandoned=unsent)
        return operation

    def conclude(self, operation: OperationId, write: Write, outcome: WriteOutcome) -> None:
        """Queue how it ended; it becomes durable soon, in a group with others."""
        self._group.soon(outcome_row(write, outcome=outcome, operation=operation, at=self._now()))

    async def record(self, fact: Fact) -> None:
        """Record a decision, and return when that record would survive a crash. Raises AuditUnavailable."""
        await self._group.durable(fact_row(fact, operation=self._new_operation(), at=self._now()))

    def _new_operation(self) -> OperationId:
        return OperationId(f"{self._run_id}-{next(self._operations):x}")

    async def _insert(self, rows: Sequence[Row]) -> None:
        await self._database.write_rows(self._statement, rows)
