"""What the fleet has put on clusters, in SQL: what pruning and teardown read, and what a restart starts from.

An entry is recorded before its object is applied, so that a crash in between leaves an entry without an object
(harmless: deleting it finds nothing) and never an object without an entry (an orphan).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, tuple_

from fleet.apply.tables import InventoryRow
from fleet.graph.model import DeletionPolicy
from fleet.ids import ClusterName, GraphUid, InstanceUid, NodeId
from fleet.kube.resources import ObjectRef, ResourceType
from fleet.store.base import table_of
from fleet.store.upsert import insert_or_update

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Select

    from fleet.store.database import Database

_TABLE = table_of(InventoryRow)
_KEY = ("cluster", "graph_uid", "node_id", "api_version", "kind", "namespace", "name")
_APPLIED = ("uid", "applied_hash", "applied_at", "managed")
_REST = tuple(column.name for column in _TABLE.columns if column.name not in {"id", *_KEY, *_APPLIED})
_KEY_COLUMNS = tuple(_TABLE.c[column] for column in _KEY)
_FORGET_AT_ONCE = 500  # rows in one DELETE: seven parameters each, far below what either database takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object that a node stands for. ``uid`` and what follows it are None until it was applied."""

    cluster: ClusterName
    graph_uid: GraphUid
    graph_namespace: str
    graph_name: str
    instance_uid: InstanceUid
    node: NodeId
    resource: ResourceType
    namespace: str  # empty for a cluster-scoped object
    name: str
    depends_on: tuple[NodeId, ...]
    deletion_policy: DeletionPolicy
    uid: str | None = None
    applied_hash: str | None = None
    applied_at: datetime | None = None
    managed: str | None = None
    """Digest of the fields that the application owned: any other since then is drift."""

    @property
    def ref(self) -> ObjectRef:
        """The object itself."""
        return ObjectRef(
            api_version=self.resource.api_version,
            kind=self.resource.kind,
            namespace=self.namespace,
            name=self.name,
        )


class Inventory:
    """The memory of the apply room."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._record = insert_or_update(
            InventoryRow, dialect=database.dialect, key=_KEY, update=_REST, update_if_given=_APPLIED
        )

    async def entries(self, cluster: ClusterName) -> tuple[Entry, ...]:
        """Everything on one cluster, graph by graph."""
        return await self._select(_ENTRIES.where(InventoryRow.cluster == cluster))

    async def entries_of(self, cluster: ClusterName, *, graph_uid: GraphUid) -> tuple[Entry, ...]:
        """Everything that belongs to one graph."""
        return await self._select(
            _ENTRIES.where(InventoryRow.cluster == cluster, InventoryRow.graph_uid == graph_uid)
        )

    async def record(self, entry: Entry) -> None:
        """Remember one entry. An entry without ``uid`` leaves what is known of its last application."""
        await self.record_all([entry])

    async def record_all(self, entries: Iterable[Entry]) -> None:
        """Remember many in one transaction."""
        rows = [_row(entry) for entry in entries]
        if not rows:
            return
        await self._database.write_rows(self._record, rows)

    async def forget(self, entry: Entry) -> None:
        """Its object is gone, or is left to others."""
        await self.forget_all([entry])

    async def forget_all(self, entries: Iterable[Entry]) -> None:
        """Forget many in one transaction."""
        keys = [tuple(_row(entry)[column] for column in _KEY) for entry in entries]
        if not keys:
            return
        async with self._database.writing() as session:
            for start in range(0, len(keys), _FORGET_AT_ONCE):
                some = keys[start : start + _FORGET_AT_ONCE]
                await session.execute(delete(_TABLE).where(tuple_(*_KEY_COLUMNS).in_(some)))

    async def _select(self, query: Select[Any]) -> tuple[Entry, ...]:
        async with self._database.reading() as session:
            connection = await session.connection()
            return tuple(_entry(row) for row in await connection.execute(query))


_ENTRIES = select(_TABLE).order_by(*_KEY_COLUMNS)


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "cluster": entry.cluster,
        "graph_uid": entry.graph_uid,
        "graph_namespace": entry.graph_namespace,
        "graph_name": entry.graph_name,
        "instance_uid": entry.instance_uid,
        "node_id": entry.node,
        "api_version": entry.resource.api_version,
        "kind": entry.resource.kind,
        "plural": entry.resource.plural,
        "namespaced": entry.resource.namespaced,
        "namespace": entry.namespace,
        "name": entry.name,
        "uid": entry.uid,
        "depends_on": list(entry.depends_on),
        "deletion_policy": entry.deletion_policy.value,
        "applied_hash": entry.applied_hash,
        "applied_at": entry.applied_at,
        "managed": entry.managed,
    }


def _entry(row: Any) -> Entry:  # noqa: ANN401 - a row of Core has no type of its own
    group, _, version = row.api_version.rpartition("/")
    return Entry(
        cluster=ClusterName(row.cluster),
        graph_uid=GraphUid(row.graph_uid),
        graph_namespace=row.graph_namespace,
        graph_name=row.graph_name,
        instance_uid=InstanceUid(row.instance_uid),
        node=NodeId(row.node_id),
        resource=ResourceType(
            group=group, version=version, kind=row.kind, plural=row.plural, namespaced=row.namespaced
        ),
        namespace=row.namespace,
        name=row.name,
        uid=row.uid,
        depends_on=tuple(NodeId(node) for node in row.depends_on),
        deletion_policy=DeletionPolicy(row.deletion_policy),
        applied_hash=row.applied_hash,
        applied_at=row.applied_at,
        managed=row.managed,
    )
