"""The live objects of a graph's nodes, for who renders it again with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.kube import labels

if TYPE_CHECKING:
    from fleet.apply.children import Children
    from fleet.apply.ledger import Ledger
    from fleet.ids import GraphUid, NodeId
    from fleet.kube.objects import LiveObject


class Observed:
    """What the inventory says of a graph, as its cluster shows it."""

    def __init__(self, children: Children, ledger: Ledger) -> None:
        self._children = children
        self._ledger = ledger

    async def of(self, graph: GraphUid) -> dict[NodeId, LiveObject]:
        """The objects by node; a node whose object is gone, or not there yet, is left out.

        Raises what keeps a type from being seen. What is merely not seen must not look as if it were gone, for the
        next render would lack the nodes that need its values.
        """
        found = {}
        for entry in self._ledger.entries(graph):
            informer = await self._children.watched(entry.resource)
            live = informer.cache.get(entry.namespace, entry.name)
            if live is not None and live.meta.labels.get(labels.GRAPH) == graph:
                found[entry.node] = live
        return found
