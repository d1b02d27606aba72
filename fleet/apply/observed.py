"""The live objects of a graph's nodes, for who renders it again with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fleet.apply.run import recorded_as
from fleet.graph.model import GraphError, parse_spec
from fleet.ids import GraphUid
from fleet.kube import labels

if TYPE_CHECKING:
    from fleet.apply.children import Children
    from fleet.apply.inventory import Entry
    from fleet.apply.ledger import Ledger
    from fleet.ids import NodeId
    from fleet.kube.objects import LiveObject

_NEVER = datetime.min.replace(tzinfo=UTC)


class Observed:
    """What the inventory says of a graph, as its cluster shows it."""

    def __init__(self, children: Children, ledger: Ledger) -> None:
        self._children = children
        self._ledger = ledger

    async def of(self, graph: LiveObject) -> dict[NodeId, LiveObject]:
        """The objects by node; a node whose object is gone, or not there yet, is left out.

        Raises what keeps a type from being seen. What is merely not seen must not look as if it were gone, for the
        next render would lack the nodes that need its values.
        """
        found = {}
        for entry in _latest_last(self._ledger.entries(GraphUid(graph.meta.uid)), graph):
            informer = await self._children.watched(entry.resource)
            live = informer.cache.get(entry.namespace, entry.name)
            if live is not None and live.meta.labels.get(labels.GRAPH) == graph.meta.uid:
                found[entry.node] = live
        return found


def _latest_last(entries: list[Entry], graph: LiveObject) -> list[Entry]:
    """The entries; of a node that had another object before, and still has it, the one that it has now is last."""
    if len({entry.node for entry in entries}) == len(entries):
        return entries
    try:
        nodes = parse_spec(graph.body["spec"]).nodes
    except GraphError:
        nodes = ()
    now = {(node.id, ref) for node in nodes for ref in recorded_as(node, graph.meta.namespace)}
    return sorted(entries, key=lambda entry: ((entry.node, entry.ref) in now, entry.applied_at or _NEVER))
