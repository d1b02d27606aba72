"""The inventory of one cluster, held in memory and written through to SQL.

Before a node is applied for the first time its entry is durable (`plan`), so that no crash leaves an object that
nobody knows of. What an application came to is written at the end of a turn (`flush`): losing that costs one more
idempotent application after a crash, and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.apply.inventory import Entry, Inventory
    from fleet.ids import ClusterName, GraphUid, NodeId
    from fleet.kube.resources import ObjectRef

_Key = tuple["NodeId", "ObjectRef"]


class Ledger:
    """What the fleet has put on one cluster, graph by graph."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._graphs: dict[GraphUid, dict[_Key, Entry]] = defaultdict(dict)
        self._unwritten: dict[GraphUid, dict[_Key, Entry]] = defaultdict(dict)

    @classmethod
    async def load(cls, inventory: Inventory, cluster: ClusterName) -> Ledger:
        """Read a cluster's inventory, all in one go."""
        ledger = cls(inventory)
        for entry in await inventory.entries(cluster):
            ledger._graphs[entry.graph_uid][_key(entry)] = entry
        return ledger

    def entries(self, graph: GraphUid) -> list[Entry]:
        """What is recorded of a graph."""
        return list(self._graphs.get(graph, {}).values())

    def get(self, graph: GraphUid, node: NodeId, ref: ObjectRef) -> Entry | None:
        """What is recorded of one node's object."""
        return self._graphs.get(graph, {}).get((node, ref))

    async def plan(self, entries: Iterable[Entry]) -> None:
        """Record entries, and return when a crash cannot lose them."""
        planned = list(entries)
        await self._inventory.record_all(planned)
        for entry in planned:
            of_graph = self._graphs[entry.graph_uid]
            known = of_graph.get(_key(entry))
            if known is not None:  # as in SQL, a plan leaves what is known of the last application
                of_graph[_key(entry)] = replace(
                    entry,
                    uid=known.uid,
                    applied_hash=known.applied_hash,
                    applied_at=known.applied_at,
                    managed=known.managed,
                )
            else:
                of_graph[_key(entry)] = entry

    def applied(self, entry: Entry) -> None:
        """Remember what an application came to; `flush` writes it."""
        self._graphs[entry.graph_uid][_key(entry)] = entry
        self._unwritten[entry.graph_uid][_key(entry)] = entry

    async def flush(self, graph: GraphUid) -> None:
        """Write what `applied` remembered of a graph."""
        if unwritten := self._unwritten.pop(graph, None):
            await self._inventory.record_all(unwritten.values())

    async def forget(self, entries: Iterable[Entry]) -> None:
        """Their objects are gone, or left to others."""
        gone = list(entries)
        await self._inventory.forget_all(gone)
        for entry in gone:
            self._unwritten.get(entry.graph_uid, {}).pop(_key(entry), None)
            of_graph = self._graphs.get(entry.graph_uid, {})
            of_graph.pop(_key(entry), None)
            if not of_graph:
                self._graphs.pop(entry.graph_uid, None)


def _key(entry: Entry) -> _Key:
    return (entry.node, entry.ref)
