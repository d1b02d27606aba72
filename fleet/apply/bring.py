"""Bringing one node about: what may be applied where, and the application itself.

An object that exists already and that no graph has put there is somebody else's. Applying over it would make its
fields ours and, at teardown, delete it, so that takes the node's explicit word (``applyPolicy.mode: Adopt``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.errors import Terminal
from fleet.graph.model import ConflictPolicy, Mode
from fleet.kube import labels
from fleet.kube.errors import ApplyConflict

if TYPE_CHECKING:
    from fleet.apply.children import Children
    from fleet.apply.ledger import Ledger
    from fleet.apply.run import Run
    from fleet.graph.model import Node
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ObjectRef, ResourceType
    from fleet.kube.writes import Cause


class NotOurs(Terminal):
    """The object exists and belongs to somebody else, or to another graph."""


class OutOfBounds(Terminal):
    """The node reaches beyond the namespace of its graph."""


class FieldConflict(Terminal):
    """Another field manager owns fields that the node sets."""


class Bringer:
    """Applies nodes on one cluster."""

    def __init__(self, client: ClusterClient, *, children: Children, ledger: Ledger) -> None:
        self._client = client
        self._children = children
        self._ledger = ledger

    async def bring(self, run: Run, node: Node, *, resource: ResourceType, cause: Cause) -> LiveObject:
        """Make the node's object what the node says, and give it as it then is."""
        ref = run.states[node.id].ref
        _refuse_out_of_bounds(ref, resource, run.key.namespace)
        live = await self._children.find(resource, ref)
        if live is not None:
            self._refuse_foreign(run, node, live)
            if node.apply_policy.mode is Mode.CREATE and live.meta.labels.get(labels.GRAPH) == run.uid:
                return live
        try:
            return await self._client.apply(
                resource,
                manifest(node, ref, graph_uid=run.uid),
                cause=cause,
                force=node.apply_policy.conflict_policy is ConflictPolicy.FORCE,
                manager=node.apply_policy.field_manager,
            )
        except ApplyConflict as exc:
            raise FieldConflict(_described(ref, exc)) from exc

    def _refuse_foreign(self, run: Run, node: Node, live: LiveObject) -> None:
        owner = live.meta.labels.get(labels.GRAPH)
        if owner == run.uid:
            return
        if owner is not None:
            raise NotOurs(f"{live.ref} belongs to another ResourceGraph (uid {owner})")
        entry = self._ledger.get(run.uid, node.id, live.ref)
        if entry is not None and entry.uid == live.meta.uid:
            return  # ours, and somebody took the label off
        if node.apply_policy.mode is not Mode.ADOPT:
            raise NotOurs(
                f"{live.ref} exists already and was not made by this graph; it is left alone. "
                f"Set applyPolicy.mode: Adopt on the node to take it over, or give the node's object another name"
            )


def manifest(node: Node, ref: ObjectRef, *, graph_uid: str) -> dict[str, Any]:
    """The node's object with its namespace, and the labels by which it is known as this graph's."""
    metadata = dict(node.object["metadata"])
    if ref.namespace:
        metadata["namespace"] = ref.namespace
    metadata["labels"] = {**metadata.get("labels", {}), labels.GRAPH: graph_uid, labels.NODE: node.id}
    return {**node.object, "metadata": metadata}


def _refuse_out_of_bounds(ref: ObjectRef, resource: ResourceType, namespace: str) -> None:
    if not resource.namespaced:
        raise OutOfBounds(f"{ref} is cluster-scoped; a graph manages objects of its own namespace only")
    if ref.namespace != namespace:
        raise OutOfBounds(f"{ref} is outside of the graph's namespace {namespace}")


def _described(ref: ObjectRef, conflict: ApplyConflict) -> str:
    owned = "; ".join(f"{field} is owned by {manager}" for manager, field in conflict.conflicts)
    return f"{ref}: {owned}. Leave these fields out of the node, or set applyPolicy.conflictPolicy: Force"
