"""The audit log as it grows: operations, told as they end."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.audit import query
from fleet.audit.query import Order
from fleet.cli import trail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fleet.audit.query import AuditEntry, Filter
    from fleet.cli.trail import Operation
    from fleet.kube.writes import OperationId
    from fleet.store.database import Database

LOOK_EVERY_S = 0.3
PATIENCE_S = 5.0
"""How long a write may be under way before it is told as unfinished; it is told again when it ends."""
_PAGE = 500


async def follow(
    database: Database,
    *,
    where: Filter,
    statuses: bool,
    look_every_s: float = LOOK_EVERY_S,
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[Operation]:
    """Every operation that ends from ``where.after`` on. Never ends by itself."""
    clock = asyncio.get_running_loop().time
    under_way: dict[OperationId, AuditEntry] = {}
    late: deque[tuple[float, OperationId]] = deque()
    while True:
        page = await query.query(database, where=where, limit=_PAGE, order=Order.OLDEST_FIRST)
        for entry in page:
            if not trail.is_told(entry, statuses=statuses):
                continue
            if trail.is_intent(entry):
                under_way[entry.operation] = entry
                late.append((clock() + patience_s, entry.operation))
                continue
            intent = under_way.pop(entry.operation, None)
            yield trail.joined([entry] if intent is None else [intent, entry])[0]
        while late and late[0][0] <= clock():
            _, operation = late.popleft()
            if operation in under_way:
                yield trail.joined([under_way[operation]])[0]
        if page:
            where = replace(where, after=page[-1].id)
        if len(page) < _PAGE:
            await asyncio.sleep(look_every_s)
