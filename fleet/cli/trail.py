"""The audit log as operations: the intent and the outcome of one write belong together and make one entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from fleet.audit import query
from fleet.audit.facts import INTENT_TAGS
from fleet.audit.query import Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from fleet.audit.query import AuditEntry, Filter
    from fleet.kube.writes import OperationId
    from fleet.store.database import Database

STATUS_TAG = "status:"
_PAGE = 500


class Result(StrEnum):
    """How an operation ended."""

    DONE = "done"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    """An intent without an outcome: under way, or cut off by a crash."""
    NOTED = "noted"
    """A decision, which is no write and has no outcome of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One write or one decision. ``entry`` is the outcome where there is one, and says all that is known."""

    entry: AuditEntry
    started_at: datetime
    result: Result


async def read(
    database: Database, *, where: Filter, limit: int, order: Order, statuses: bool
) -> tuple[Operation, ...]:
    """The first ``limit`` operations in this ``order``; ``statuses`` tells status updates as well."""
    entries: dict[OperationId, list[AuditEntry]] = {}
    while len(entries) < limit:
        page = await query.query(database, where=where, limit=_PAGE, order=order)
        for entry in page:
            if entry.operation in entries or (len(entries) < limit and is_told(entry, statuses=statuses)):
                entries.setdefault(entry.operation, []).append(entry)
        if len(page) < _PAGE:
            break
        last = page[-1].id
        where = replace(where, before=last) if order is Order.NEWEST_FIRST else replace(where, after=last)
    await _complete(database, entries, where)
    return joined(entry for each in entries.values() for entry in each)


def joined(entries: Iterable[AuditEntry]) -> tuple[Operation, ...]:
    """The operations that ``entries`` speak of, in the order in which they are first spoken of."""
    operations: dict[OperationId, list[AuditEntry]] = {}
    for entry in entries:
        operations.setdefault(entry.operation, []).append(entry)
    return tuple(_operation(each) for each in operations.values())


def is_intent(entry: AuditEntry) -> bool:
    """Whether this announces a write."""
    return entry.tag in INTENT_TAGS


def is_told(entry: AuditEntry, *, statuses: bool) -> bool:
    """Whether this belongs in the story: status updates follow from the rest, and are many."""
    return statuses or not entry.tag.startswith(STATUS_TAG)


def _operation(entries: Sequence[AuditEntry]) -> Operation:
    last = next((entry for entry in entries if not is_intent(entry)), entries[0])
    first = next((entry for entry in entries if is_intent(entry)), None)
    started = first.at if first else last.at - timedelta(milliseconds=last.duration_ms or 0)
    return Operation(entry=last, started_at=started, result=_result(last))


def _result(entry: AuditEntry) -> Result:
    if is_intent(entry):
        return Result.UNFINISHED
    if entry.error is not None:
        return Result.FAILED
    return Result.DONE if entry.duration_ms is not None else Result.NOTED


async def _complete(database: Database, entries: dict[OperationId, list[AuditEntry]], where: Filter) -> None:
    """Find the outcomes that stand beyond what was asked for, so that only what has none counts as unfinished."""
    alone = {operation: each[0] for operation, each in entries.items() if all(map(is_intent, each))}
    for cluster in {entry.cluster for entry in alone.values()}:
        if cluster is None:
            continue
        since = min(entry.at for entry in alone.values())
        for entry in await query.unfinished(database, cluster=cluster, since=since):
            alone.pop(entry.operation, None)
    beyond = replace(where, tag=None, until=None, before=None, failures_only=False)
    place = min((entry.id for entry in alone.values()), default=0)
    while alone:
        page = await query.query(
            database, where=replace(beyond, after=place), limit=_PAGE, order=Order.OLDEST_FIRST
        )
        for entry in page:
            if entry.operation in alone and not is_intent(entry):
                entries[entry.operation].append(entry)
                del alone[entry.operation]
        if len(page) < _PAGE:
            break
        place = page[-1].id
