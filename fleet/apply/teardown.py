"""Taking objects away in reverse order of dependency: all of a deleted graph's, or those a graph has no longer.

Both read the inventory. Should it have been lost, what the graph's spec names is looked for as well: an object is
deleted only if it carries this graph's label, so looking for too much deletes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fleet.apply import causes, removal
from fleet.apply import status as statuses
from fleet.apply.inventory import Entry
from fleet.apply.run import object_ref, recorded_as
from fleet.errors import FleetError, Transient
from fleet.graph import order
from fleet.graph.model import GraphError, parse_spec
from fleet.ids import GraphUid, InstanceUid
from fleet.kube import labels
from fleet.kube.conditions import merge_patch
from fleet.kube.discovery import UnknownKind
from fleet.kube.errors import NotFound
from fleet.kube.wellknown import GRAPHS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from fleet.apply.children import Children
    from fleet.apply.ledger import Ledger
    from fleet.apply.policies import GraphPolicy
    from fleet.apply.removal import Removal
    from fleet.apply.run import Run
    from fleet.graph.model import GraphSpec
    from fleet.ids import NodeId
    from fleet.kube.client import ClusterClient
    from fleet.kube.discovery import Discovery
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ObjectRef
    from fleet.watch.informers import Informer

MAX_RELEASED = 10_000

LOOK_AGAIN_S = 30.0
"""A held object says by a watch event that it is gone; this guards against a missed one."""


class Teardown:
    """Takes objects away on one cluster."""

    def __init__(
        self,
        client: ClusterClient,
        *,
        graphs: Informer,
        discovery: Discovery,
        children: Children,
        ledger: Ledger,
    ) -> None:
        self._client = client
        self._graphs = graphs
        self._discovery = discovery
        self._children = children
        self._ledger = ledger
        self._released: set[GraphUid] = set()  # the watch may show a graph once more after it was let go

    async def take_down(self, graph: LiveObject) -> float | None:
        """One step of the teardown of a deleted graph; the last one lets the graph go."""
        if labels.TEARDOWN_FINALIZER not in graph.meta.finalizers or GraphUid(graph.meta.uid) in self._released:
            return None
        entries = await self._latest(graph, self._ledger.entries(GraphUid(graph.meta.uid)))
        held = await self._remove_waves(graph, entries, reason="teardown of the graph")
        if held:
            await self._tell(graph, held)
            return LOOK_AGAIN_S
        await self._let_go(graph)
        return None

    async def prune(self, graph: LiveObject, run: Run, policy: GraphPolicy) -> list[str]:
        """Take away what the graph had and has no longer; gives what holds it up.

        Called only for a run whose every node is ready, so that what replaces an object works before it goes.
        """
        kept = {(node, state.ref) for node, state in run.states.items()}
        waiting = {each.node for each in run.spec.waiting}
        recorded = self._ledger.entries(run.uid)
        stale = [entry for entry in recorded if (entry.node, entry.ref) not in kept and entry.node not in waiting]
        stale = await self._forget_moved(stale, {ref for _, ref in kept})
        if not stale:
            return []
        limit = policy.prune_limit(len(recorded))
        confirmed = graph.meta.annotations.get(labels.CONFIRM_PRUNE) == str(graph.meta.generation)
        if len(stale) > limit and not confirmed:
            asked = (
                f"kubectl annotate --overwrite -n {run.key.namespace} resourcegraph {run.key.name} "
                f"{labels.CONFIRM_PRUNE}={graph.meta.generation}"
            )
            scale = f"{len(stale)} of {len(recorded)} objects, and maxPrune allows {limit}"
            return [f"pruning is held: it would take {scale}. To confirm: {asked}"]
        return await self._remove_waves(graph, stale, reason="pruned: not in the graph any more")

    async def _remove_waves(self, graph: LiveObject, entries: Iterable[Entry], *, reason: str) -> list[str]:
        """Remove wave by wave; stop at the first that is still held, and say by what."""
        by_node: dict[NodeId, list[Entry]] = {}
        for entry in entries:
            by_node.setdefault(entry.node, []).append(entry)
        needs = {node: {each for entry in of for each in entry.depends_on} for node, of in by_node.items()}
        for wave in order.teardown_waves(needs):
            held = await self._remove_all(graph, [entry for node in wave for entry in by_node[node]], reason)
            if held:
                return held
        return []

    async def _remove_all(self, graph: LiveObject, entries: list[Entry], reason: str) -> list[str]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._remove(graph, entry, reason)) for entry in entries]
        outcomes = [task.result() for task in tasks]
        gone = [entry for entry, outcome in zip(entries, outcomes, strict=True) if _is_gone(outcome)]
        await self._ledger.forget(gone)
        for outcome in outcomes:
            if isinstance(outcome, Transient):
                raise outcome
        return [
            str(outcome) if isinstance(outcome, FleetError) else outcome.message
            for outcome in outcomes
            if not _is_gone(outcome)
        ]

    async def _remove(self, graph: LiveObject, entry: Entry, reason: str) -> Removal | FleetError:
        cause = causes.of_graph(graph, reason, node=entry.node)
        try:
            return await removal.remove(entry, client=self._client, children=self._children, cause=cause)
        except FleetError as exc:  # told with those of its wave, after every one was tried
            return exc

    async def _forget_moved(self, entries: Iterable[Entry], refs: Collection[ObjectRef]) -> list[Entry]:
        """Forget the entries whose objects are among ``refs``: other nodes stand for them now. Gives the rest."""
        rest: list[Entry] = []
        moved: list[Entry] = []
        for entry in entries:
            (moved if entry.ref in refs else rest).append(entry)
        await self._ledger.forget(moved)
        return rest

    async def _latest(self, graph: LiveObject, recorded: Iterable[Entry]) -> list[Entry]:
        """What there is to take down, as the graph's spec has it where that is further than what was recorded."""
        try:
            spec = parse_spec(graph.body["spec"])
        except GraphError:
            return list(recorded)
        nodes = {(node.id, ref): node for node in spec.nodes for ref in recorded_as(node, graph.meta.namespace)}
        current, others = await self._unrecorded(graph, spec), []
        for entry in recorded:
            node = nodes.get((entry.node, entry.ref))
            if node is None:
                others.append(entry)
            else:
                now = replace(entry, depends_on=node.depends_on, deletion_policy=node.deletion_policy)
                current.append(now)
        return current + await self._forget_moved(others, {entry.ref for entry in current})

    async def _unrecorded(self, graph: LiveObject, spec: GraphSpec) -> list[Entry]:
        """Entries for what the spec names and the ledger does not."""
        uid = GraphUid(graph.meta.uid)
        entries = []
        for node in spec.nodes:
            ref = object_ref(node, graph.meta.namespace)
            if any(self._ledger.get(uid, node.id, each) for each in recorded_as(node, graph.meta.namespace)):
                continue
            try:
                resource = await self._discovery.resource_type(ref.api_version, ref.kind)
            except UnknownKind:
                continue  # the cluster does not serve the kind, so there is no such object
            entries.append(
                Entry(
                    cluster=self._client.name,
                    graph_uid=uid,
                    graph_namespace=graph.meta.namespace,
                    graph_name=graph.meta.name,
                    instance_uid=InstanceUid(spec.source_ref.uid),
                    node=node.id,
                    resource=resource,
                    namespace=ref.namespace if resource.namespaced else "",
                    name=ref.name,
                    depends_on=node.depends_on,
                    deletion_policy=node.deletion_policy,
                )
            )
        return entries

    async def _tell(self, graph: LiveObject, held: list[str]) -> None:
        current = graph.body.get("status", {})
        wanted = statuses.of_teardown(
            held, current=current, generation=graph.meta.generation, now=datetime.now(UTC)
        )
        if patch := merge_patch(current, wanted):
            cause = causes.of_graph(graph, "status of the graph")
            self._graphs.learn(await self._client.patch_status(GRAPHS, graph.ref, patch, cause=cause))

    async def _let_go(self, graph: LiveObject) -> None:
        kept = [each for each in graph.meta.finalizers if each != labels.TEARDOWN_FINALIZER]
        patch = {"metadata": {"finalizers": kept, "resourceVersion": graph.meta.resource_version}}
        try:
            await self._client.merge_patch(
                GRAPHS, graph.ref, patch, cause=causes.of_graph(graph, "teardown is complete")
            )
        except NotFound:
            return
        if len(self._released) >= MAX_RELEASED:
            self._released.clear()
        self._released.add(GraphUid(graph.meta.uid))


def _is_gone(outcome: Removal | FleetError) -> bool:
    return not isinstance(outcome, FleetError) and outcome.gone
