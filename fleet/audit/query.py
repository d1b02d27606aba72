"""Questions to the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, or_, select

from fleet.audit.facts import INTENT_TAGS
from fleet.audit.tables import AuditRow
from fleet.errors import Terminal
from fleet.ids import ClusterName, GraphUid, InstanceUid, NodeId, TransformName
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import OperationId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from fleet.store.database import Database


class AuditQueryError(Terminal):
    """A question that cannot be understood; the message names the filter."""


class Order(StrEnum):
    """Which end of the log comes first."""

    NEWEST_FIRST = "newest"
    OLDEST_FIRST = "oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to look for; everything given must hold, and None asks for nothing."""

    cluster: ClusterName | None = None
    transform: TransformName | None = None
    instance: str | None = None
    """``namespace/name`` or ``Kind/namespace/name``."""
    object: str | None = None
    """``name``, ``Kind/name`` or ``Kind/namespace/name``."""
    node: NodeId | None = None
    tag: str | None = None
    """A tag or its beginning: ``object:delete`` finds intents and outcomes of deletions."""
    since: datetime | None = None
    until: datetime | None = None
    failures_only: bool = False
    after: int | None = None
    """Only what stands behind this ``id`` in the log, to read on from there."""
    before: int | None = None
    """Only what stands before this ``id`` in the log, to page back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One fact, as it stands in the log."""

    id: int
    at: datetime
    operation: OperationId
    tag: str  # a Tag, or one that a later version of the fleet wrote
    cluster: ClusterName | None
    transform: TransformName | None
    revision: int | None
    instance_uid: InstanceUid | None
    instance_kind: str | None
    instance: str | None
    graph_uid: GraphUid | None
    node: NodeId | None
    ref: ObjectRef | None
    reason: str | None
    error: str | None
    resource_version: str | None
    duration_ms: float | None
    detail: Mapping[str, Any] | None


async def query(
    database: Database,
    *,
    where: Filter = Filter(),
    limit: int = 100,
    order: Order = Order.NEWEST_FIRST,
) -> tuple[AuditEntry, ...]:
    """The facts that ``where`` asks for. Raises AuditQueryError."""
    by = AuditRow.id.desc() if order is Order.NEWEST_FIRST else AuditRow.id.asc()
    statement = select(AuditRow).where(*_conditions(where)).order_by(by).limit(limit)
    async with database.reading() as session:
        return tuple(_entry(row) for row in await session.scalars(statement))


async def unfinished(
    database: Database, *, cluster: ClusterName, since: datetime | None = None
) -> tuple[AuditEntry, ...]:
    """The intents on ``cluster`` that have no outcome: in flight now, or cut off by a crash."""
    outcome = AuditRow.__table__.alias("outcome")
    concluded = exists().where(outcome.c.operation == AuditRow.operation, outcome.c.tag != AuditRow.tag)
    statement = (
        select(AuditRow)
        .where(AuditRow.cluster == cluster, AuditRow.tag.in_(INTENT_TAGS), ~concluded)
        .order_by(AuditRow.id)
    )
    if since is not None:
        statement = statement.where(AuditRow.at >= since)
    async with database.reading() as session:
        return tuple(_entry(row) for row in await session.scalars(statement))


def _conditions(where: Filter) -> Iterator[ColumnElement[bool]]:
    same = (
        (AuditRow.cluster, where.cluster),
        (AuditRow.transform, where.transform),
        (AuditRow.node, where.node),
    )
    yield from (column == value for column, value in same if value is not None)
    if where.instance is not None:
        yield from _instance_is(where.instance)
    if where.object is not None:
        yield from _object_is(where.object)
    yield from _place_is(where)
    if where.tag is not None:
        yield or_(AuditRow.tag == where.tag, AuditRow.tag.startswith(f"{where.tag}:", autoescape=True))
    if where.failures_only:
        yield AuditRow.error.is_not(None)


def _place_is(where: Filter) -> Iterator[ColumnElement[bool]]:
    if where.since is not None:
        yield AuditRow.at >= where.since
    if where.until is not None:
        yield AuditRow.at < where.until
    if where.after is not None:
        yield AuditRow.id > where.after
    if where.before is not None:
        yield AuditRow.id < where.before


def _instance_is(text: str) -> Iterator[ColumnElement[bool]]:
    match text.split("/"):
        case [namespace, name] if namespace and name:
            yield AuditRow.instance == text
        case [kind, namespace, name] if kind and namespace and name:
            yield AuditRow.instance == f"{namespace}/{name}"
            yield func.lower(AuditRow.instance_kind) == kind.lower()
        case _:
            raise AuditQueryError(f"instance {text!r}: write namespace/name or Kind/namespace/name")


def _object_is(text: str) -> Iterator[ColumnElement[bool]]:
    parts = text.split("/")
    if not all(parts):
        raise AuditQueryError(f"object {text!r}: write name, Kind/name or Kind/namespace/name")
    match parts:
        case [name]:
            yield AuditRow.name == name
        case [kind, name]:
            yield AuditRow.name == name
            yield func.lower(AuditRow.kind) == kind.lower()
        case [kind, namespace, name]:
            yield AuditRow.name == name
            yield AuditRow.namespace == namespace
            yield func.lower(AuditRow.kind) == kind.lower()
        case _:
            raise AuditQueryError(f"object {text!r}: write name, Kind/name or Kind/namespace/name")


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=row.at,
        operation=OperationId(row.operation),
        tag=row.tag,
        cluster=ClusterName(row.cluster) if row.cluster is not None else None,
        transform=TransformName(row.transform) if row.transform is not None else None,
        revision=row.revision,
        instance_uid=InstanceUid(row.instance_uid) if row.instance_uid is not None else None,
        instance_kind=row.instance_kind,
        instance=row.instance,
        graph_uid=GraphUid(row.graph_uid) if row.graph_uid is not None else None,
        node=NodeId(row.node) if row.node is not None else None,
        ref=_ref(row),
        reason=row.reason,
        error=row.error,
        resource_version=row.resource_version,
        duration_ms=row.duration_ms,
        detail=row.detail,
    )


def _ref(row: AuditRow) -> ObjectRef | None:
    if row.api_version is None or row.kind is None or row.name is None:
        return None
    return ObjectRef(api_version=row.api_version, kind=row.kind, namespace=row.namespace or "", name=row.name)
