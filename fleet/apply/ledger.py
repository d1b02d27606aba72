"""The inventory of one cluster, held in memory and written through to SQL.

Before a node is applied for the first time its entry is durable (`plan`), so that no crash leaves an object that
nobody knows of. What an application came to is written a moment later, together with others (`run`): losing that
costs one more idempotent application after a crash, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.apply.inventory import Entry, Inventory
    from fleet.ids import ClusterName, GraphUid, NodeId
    from fleet.kube.resources import ObjectRef

log = structlog.get_logger(__name__)

LINGER_S = 0.05
"""How long an outcome waits for others to be written with."""

RETRY_S = 1.0

_Key = tuple["NodeId", "ObjectRef"]


class Ledger:
    """What the fleet has put on one cluster, graph by graph."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._graphs: dict[GraphUid, dict[_Key, Entry]] = defaultdict(dict)
        self._unwritten: dict[tuple[GraphUid, NodeId, ObjectRef], Entry] = {}
        self._arrival = asyncio.Event()
        self._order = asyncio.Lock()  # a row that is being written must not come after its own deletion

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
        """Remember what an application came to; `run` writes it."""
        self._graphs[entry.graph_uid][_key(entry)] = entry
        self._unwritten[(entry.graph_uid, *_key(entry))] = entry
        self._arrival.set()

    async def run(self) -> None:
        """Write what `applied` remembers, for ever; what is left when this is cancelled is written first."""
        try:
            while True:
                await self._arrival.wait()
                await asyncio.sleep(LINGER_S)
                await self._flush()
        finally:
            with contextlib.suppress(FleetError):  # the next start applies once more what is not recorded
                await self._flush()

    async def _flush(self) -> None:
        async with self._order:
            self._arrival.clear()
            unwritten, self._unwritten = self._unwritten, {}
            try:
                await self._inventory.record_all(unwritten.values())
            except FleetError as exc:
                log.warning("the inventory cannot be written", error=str(exc), entries=len(unwritten))
                self._unwritten = {**unwritten, **self._unwritten}
                self._arrival.set()
                await asyncio.sleep(RETRY_S)

    async def forget(self, entries: Iterable[Entry]) -> None:
        """Their objects are gone, or left to others."""
        gone = list(entries)
        if not gone:
            return
        async with self._order:
            for entry in gone:
                self._unwritten.pop((entry.graph_uid, *_key(entry)), None)
            await self._inventory.forget_all(gone)
        for entry in gone:
            of_graph = self._graphs.get(entry.graph_uid, {})
            of_graph.pop(_key(entry), None)
            if not of_graph:
                self._graphs.pop(entry.graph_uid, None)


def _key(entry: Entry) -> _Key:
    return (entry.node, entry.ref)
