"""Bringing one node about: what may be applied where, and the application itself.

An object that exists already and that no graph has put there is somebody else's. Applying over it would make its
fields ours and, at teardown, delete it, so that takes an explicit word: of the node (``applyPolicy``), or of
whoever owns the object (the label `ADOPTABLE_BY`).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from fleet.apply import drift, removal
from fleet.errors import Terminal, Transient
from fleet.graph.model import Adoption, Mode, Replacement
from fleet.ids import GraphUid
from fleet.kube import labels
from fleet.kube.errors import AlreadyExists, ApplyConflict, Invalid, NotFound
from fleet.kube.resources import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from fleet.apply.children import Children
    from fleet.apply.inventory import Entry
    from fleet.apply.ledger import Ledger
    from fleet.apply.policies import GraphPolicy
    from fleet.apply.run import Run
    from fleet.graph.model import Node
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ResourceType
    from fleet.kube.writes import Cause

_IMMUTABLE = ("field is immutable", "may not change once set", "updates to statefulset spec for fields other than")


class NotOurs(Terminal):
    """The object exists and belongs to somebody else, or to another graph."""


class OutOfBounds(Terminal):
    """The node reaches further than its Transform allows."""


class FieldConflict(Terminal):
    """Another field manager owns fields that the node sets."""


class Immutable(Terminal):
    """The node changes a field that cannot be changed on a living object."""


class BeingDeleted(Transient):
    """The object is on its way out; it is made anew when it is gone."""


class Appeared(Transient):
    """The object was not there a moment ago, and is now: whose it is, is to be looked at."""


class Bringer:
    """Applies nodes on one cluster."""

    def __init__(self, client: ClusterClient, *, children: Children, ledger: Ledger) -> None:
        self._client = client
        self._children = children
        self._ledger = ledger

    async def bring(
        self,
        run: Run,
        node: Node,
        *,
        resource: ResourceType,
        policy: GraphPolicy,
        cause: Cause,
        force: bool,
        planned: Awaitable[None] | None,
    ) -> LiveObject:
        """Make the node's object what the node says, and give it as it then is.

        Nothing is written before ``planned`` is done: the recording of what may be written.
        """
        ref = run.states[node.id].ref
        refuse_out_of_bounds(ref, resource, home=run.key.namespace, policy=policy)
        wanted = manifest(node, ref, graph_uid=run.uid)
        if await self._seems_new(run, node, resource):
            if planned is not None:
                await planned
            with contextlib.suppress(AlreadyExists):  # somebody else's, then
                return await self._client.apply(
                    resource, wanted, cause=cause, only_new=True, manager=node.apply_policy.field_manager
                )
        live = await self._children.find(resource, ref)
        if live is not None:
            if live.deleting:
                raise BeingDeleted(removal.held(live))
            await self._refuse_foreign(run, node, live, wanted, resource)
            if node.apply_policy.mode is Mode.CREATE and live.meta.labels.get(labels.GRAPH) == run.uid:
                return live
            wanted = _to_this_one(drift.left_to_others(wanted, live), live, graph_uid=run.uid)
        if planned is not None:
            await planned
        after = await self._bring_to(live, node, wanted, resource=resource, cause=cause, force=force)
        if live is not None and (entry := self._left_to(run, live)) is not None:
            await self._ledger.forget([entry])
        return after

    async def _bring_to(
        self,
        live: LiveObject | None,
        node: Node,
        wanted: dict[str, Any],
        *,
        resource: ResourceType,
        cause: Cause,
        force: bool,
    ) -> LiveObject:
        """Apply to the object that was looked at, or where there was none."""
        try:
            return await self._client.apply(
                resource,
                wanted,
                cause=cause,
                force=force,
                only_new=live is None,
                manager=node.apply_policy.field_manager,
            )
        except AlreadyExists as exc:
            raise Appeared(f"{ObjectRef.of(wanted)} appeared while it was looked for", retry_after=0.1) from exc
        except ApplyConflict as exc:
            raise FieldConflict(_described(ObjectRef.of(wanted), exc)) from exc
        except Invalid as exc:
            if live is None or not any(each in str(exc) for each in _IMMUTABLE):
                raise
            await self._replace(node, live, resource, cause, exc)
            raise BeingDeleted(f"{live.ref} is being replaced", retry_after=0.1) from exc

    async def _seems_new(self, run: Run, node: Node, resource: ResourceType) -> bool:
        """Whether to begin by making the object, and not by looking whether somebody else has."""
        state, policy = run.states[node.id], node.apply_policy
        may_exist = state.attempts or policy.mode is Mode.ADOPT or policy.adoption is not Adoption.NEVER
        return not may_exist and await self._children.is_new(resource, state.ref)

    async def _refuse_foreign(
        self, run: Run, node: Node, live: LiveObject, wanted: dict[str, Any], resource: ResourceType
    ) -> None:
        owner = live.meta.labels.get(labels.GRAPH)
        if owner == run.uid or self._left_to(run, live) is not None:
            return
        if owner is not None:
            raise NotOurs(f"{live.ref} belongs to another ResourceGraph (uid {owner})")
        entry = self._ledger.get(run.uid, node.id, live.ref)
        if entry is not None and entry.uid == live.meta.uid:
            return  # ours, and somebody took the label off
        adoption = node.apply_policy.adoption
        if adoption is Adoption.ALWAYS or live.meta.labels.get(labels.ADOPTABLE_BY) == run.key.name:
            return
        if adoption is Adoption.IF_NO_DIFF:
            after = await self._client.preview(resource, wanted, manager=node.apply_policy.field_manager)
            if _substance(after) == _substance(live):
                return
            raise NotOurs(
                f"{live.ref} exists already and differs from the node; it is left alone (adopt: IfNoDiff)"
            )
        raise NotOurs(
            f"{live.ref} exists already and was not made by this graph; it is left alone. To take it over, set "
            f"applyPolicy.adopt on the node, or the label {labels.ADOPTABLE_BY}={run.key.name} on the object"
        )

    def _left_to(self, run: Run, live: LiveObject) -> Entry | None:
        """The entry of an earlier graph of this name, whose finalizer somebody took off: there was no teardown."""
        owner = live.meta.labels.get(labels.GRAPH)
        if owner is None or owner == run.uid:
            return None
        for entry in self._ledger.entries(GraphUid(owner)):
            if entry.ref == live.ref and (entry.graph_namespace, entry.graph_name) == run.key:
                return entry
        return None

    async def _replace(
        self, node: Node, live: LiveObject, resource: ResourceType, cause: Cause, refusal: Invalid
    ) -> None:
        """Delete an object that cannot become what the node says, where the node allows that."""
        ours = live.meta.labels.get(labels.GRAPH) is not None
        if node.apply_policy.replace is not Replacement.ALLOWED or not ours:
            raise Immutable(
                f"{refusal}. Set applyPolicy.replace: Allowed on the node to have the object deleted and made anew"
            ) from refusal
        with contextlib.suppress(NotFound):
            await self._client.delete(resource, live.ref, uid=live.meta.uid, cause=cause)


def manifest(node: Node, ref: ObjectRef, *, graph_uid: str) -> dict[str, Any]:
    """The node's object with its namespace, and the labels by which it is known as this graph's."""
    metadata = dict(node.object["metadata"])
    metadata.pop("namespace", None)
    if ref.namespace:
        metadata["namespace"] = ref.namespace
    metadata["labels"] = {**metadata.get("labels", {}), labels.GRAPH: graph_uid, labels.NODE: node.id}
    return {**node.object, "metadata": metadata}


def _to_this_one(wanted: dict[str, Any], live: LiveObject, *, graph_uid: str) -> dict[str, Any]:
    """The manifest for the very object that was looked at, and for no namesake that was made since.

    One that is not the graph's yet must be as it was seen, too: another graph may be about to adopt it.
    """
    only = {"uid": live.meta.uid}
    if live.meta.labels.get(labels.GRAPH) != graph_uid:
        only["resourceVersion"] = live.meta.resource_version
    return {**wanted, "metadata": {**wanted["metadata"], **only}}


def refuse_out_of_bounds(ref: ObjectRef, resource: ResourceType, *, home: str, policy: GraphPolicy) -> None:
    """Raise OutOfBounds for an object outside of the graph's namespace that the Transform does not allow."""
    if not resource.namespaced:
        if not policy.cluster_scoped:
            raise OutOfBounds(
                f"{ref} is cluster-scoped; the Transform must allow it with spec.reach.clusterScoped"
            )
        return
    if ref.namespace != home and not policy.namespaces & {ref.namespace, "*"}:
        raise OutOfBounds(
            f"{ref} is outside of the graph's namespace {home}; "
            f"the Transform must allow it with spec.reach.namespaces"
        )


def _substance(live: LiveObject) -> dict[str, Any]:
    """An object without what every write changes, and without the labels by which we know our own."""
    metadata = {
        key: value
        for key, value in live.body["metadata"].items()
        if key not in {"managedFields", "resourceVersion", "generation"}
    }
    own = {labels.GRAPH, labels.NODE}
    metadata["labels"] = {key: value for key, value in metadata.get("labels", {}).items() if key not in own}
    return {**live.body, "metadata": metadata}


def _described(ref: ObjectRef, conflict: ApplyConflict) -> str:
    owned = "; ".join(f"{field} is owned by {manager}" for manager, field in conflict.conflicts)
    return f"{ref}: {owned}. Leave these fields out of the node, or set applyPolicy.conflictPolicy: Force"
