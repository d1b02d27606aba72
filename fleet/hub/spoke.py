"""What the hub does on one spoke, put together: rollout of CRDs, instances, graphs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fleet.apply.bring import Bringer
from fleet.apply.children import Children
from fleet.apply.executor import Executor
from fleet.apply.observed import Observed
from fleet.apply.policies import GraphPolicy
from fleet.apply.run import GraphKey
from fleet.apply.teardown import Teardown
from fleet.apply.turn import Tools
from fleet.ids import GraphUid, NodeId, TransformName
from fleet.kube import labels
from fleet.kube.discovery import Discovery
from fleet.kube.wellknown import GRAPHS
from fleet.render import manifest as manifests
from fleet.render.controller import InstanceController, InstanceKey, is_suspended, reads_observed
from fleet.retrying import RetryBudget
from fleet.transforms.rollout import Rollouts
from fleet.watch.backlog import Backlog, work
from fleet.watch.coalescing import Coalescing

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.apply.ledger import Ledger
    from fleet.cue.evaluator import Evaluator
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ResourceType
    from fleet.registry.clusters import Cluster
    from fleet.transforms.catalog import Active, Catalog
    from fleet.transforms.repository import TransformRepository
    from fleet.watch.informers import Informers

ROLLOUT_WORKERS = 4
INSTANCE_WORKERS = 16
GRAPH_WORKERS = 64
"""A graph's turn mostly waits for the API server; how much is asked of that at once, the client bounds."""


class Spoke:
    """The controllers of one spoke. `run` works until it is cancelled."""

    def __init__(
        self,
        cluster: Cluster,
        client: ClusterClient,
        informers: Informers,
        *,
        ledger: Ledger,
        evaluator: Evaluator,
        catalog: Catalog,
        transforms: TransformRepository,
        progressed: Callable[[TransformName], None],
    ) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._informers = informers
        self._tell_progress = progressed
        self._graph_keys: dict[GraphUid, GraphKey] = {}
        self._observing: set[TransformName] = set()
        self._suspended: dict[InstanceKey, bool] = {}
        self._retries = RetryBudget()  # of everything that is done on this cluster
        self.rollouts = Backlog[TransformName](f"{cluster.name} rollouts")
        self.instances = Backlog[InstanceKey](f"{cluster.name} instances")
        self.graphs = Backlog[GraphKey](f"{cluster.name} graphs")

        graphs = informers.start(GRAPHS, on_change=self._graph_changed)
        self._graph_cache = graphs.cache
        children = Children(client, informers, on_change=self._child_changed)
        discovery = Discovery(client)
        teardown = Teardown(client, graphs=graphs, discovery=discovery, children=children, ledger=ledger)
        tools = Tools(
            cluster=client.name,
            discovery=discovery,
            children=children,
            ledger=ledger,
            bringer=Bringer(client, children=children, ledger=ledger),
            retries=self._retries,
        )
        self._executor = Executor(
            client,
            graphs=graphs,
            tools=tools,
            teardown=teardown,
            coalescing=Coalescing(lambda: len(self.graphs)),
            policies=self,
            on_status=self._look_at_instance_of,
        )
        self._instance_controller = InstanceController(
            client,
            cluster_labels=cluster.labels,
            informers=informers,
            graphs=graphs,
            evaluator=evaluator,
            observing=Observed(children, ledger),
            executing=self._executor,
            coalescing=Coalescing(lambda: len(self.instances) + len(self.graphs)),
        )
        self._rollouts = Rollouts(
            client,
            cluster_labels=cluster.labels,
            informers=informers,
            catalog=catalog,
            repository=transforms,
            backlog=self.rollouts,
            kinds=self,
        )

    async def run(self) -> None:
        """Roll out, render and execute until cancelled."""
        unsubscribe = self._catalog.subscribe(self.rollouts.add)
        try:
            for active in self._catalog.all():
                self.rollouts.add(active.transform)
            async with asyncio.TaskGroup() as group:
                for task in (
                    work(self.rollouts, self._rollouts.reconcile, workers=ROLLOUT_WORKERS, budget=self._retries),
                    work(
                        self.instances,
                        self._instance_controller.reconcile,
                        workers=INSTANCE_WORKERS,
                        budget=self._retries,
                    ),
                    work(self.graphs, self._executor.reconcile, workers=GRAPH_WORKERS, budget=self._retries),
                    self._ledger.run(),
                ):
                    group.create_task(task)
        finally:
            unsubscribe()

    def hurry(self) -> None:
        """The cluster is back: try everything now that waits for a later try."""
        self._executor.hurry()
        for backlog in (self.rollouts, self.instances, self.graphs):
            backlog.hurry()

    # What the rollouts say (transforms.rollout.Kinds)

    def serve(self, active: Active) -> None:
        """Watch a kind's instances, and look at all of them with this revision."""
        if reads_observed(active.module):
            self._observing.add(active.transform)
        else:
            self._observing.discard(active.transform)
        self._instance_controller.serving[active.resource] = active
        informer = self._informers.start(
            active.resource,
            on_change=self._instance_watcher(active.resource),
            on_deleted=self._instance_controller.saw_deleted,
        )
        self._forget_suspended(active.resource)  # so that the graphs are looked at, too: the policy may be another
        for seen in informer.cache:
            self._look_at_instance(active.resource, seen)

    def withhold(self, resource: ResourceType) -> None:
        """Stop watching a kind's instances."""
        self._instance_controller.serving.pop(resource, None)
        self._forget_suspended(resource)
        self._informers.stop(resource)

    def progressed(self, transform: TransformName) -> None:
        """Pass on that SQL has a new rollout state."""
        self._tell_progress(transform)

    def _forget_suspended(self, resource: ResourceType) -> None:
        self._suspended = {key: each for key, each in self._suspended.items() if key.resource != resource}

    # What graphs may do (apply.policies.Policies)

    def of(self, graph: LiveObject) -> GraphPolicy | None:
        """The policy of the graph's Transform; work is suspended by that, or by an annotation on the instance.

        None where the Transform is not served here (any more), and as long as its instances are not seen, for who
        knows which of them are suspended.
        """
        active = self._catalog.get(TransformName(graph.meta.labels.get(labels.TRANSFORM, "")))
        key = _instance_of(graph, active.resource) if active else None
        instances = self._informers.get(active.resource) if active else None
        if active is None or key is None or instances is None or not instances.listed:
            return None
        return GraphPolicy(
            cluster_scoped=active.policy.reach.cluster_scoped,
            namespaces=frozenset(active.policy.reach.namespaces),
            max_prune=active.policy.max_prune,
            suspended=active.policy.suspend or self._suspended.get(key, False),
        )

    # What the streams say

    def _instance_watcher(self, resource: ResourceType) -> Callable[[LiveObject], None]:
        def changed(seen: LiveObject) -> None:
            self._look_at_instance(resource, seen)

        return changed

    def _look_at_instance(self, resource: ResourceType, seen: LiveObject) -> None:
        """Look at an instance, and at its graph where it is new or says otherwise whether that is worked on."""
        key = InstanceKey(resource, seen.meta.namespace, seen.meta.name)
        self.instances.add(key)
        informer = self._informers.get(resource)
        if informer is None or informer.cache.get(key.namespace, key.name) is None:
            self._suspended.pop(key, None)
            return
        before, self._suspended[key] = self._suspended.get(key), is_suspended(seen)
        graph = GraphKey(key.namespace, manifests.graph_name(resource.kind, key.name))
        if before is not self._suspended[key] and self._graph_cache.get(*graph) is not None:
            self._look_at_graph(graph)

    def _graph_changed(self, seen: LiveObject) -> None:
        key, uid = GraphKey.of(seen), GraphUid(seen.meta.uid)
        known = self._graph_cache.get(*key)
        if known is not None and known.meta.uid == uid:
            self._graph_keys[uid] = key
        else:
            self._graph_keys.pop(uid, None)
            self._look_at_who_wants(key)
        self._look_at_graph(key)
        self._look_at_instance_of(seen)

    def _child_changed(self, graph: GraphUid, node: NodeId) -> None:
        key = self._graph_keys.get(graph)
        if key is None:
            return
        self._look_at_graph(key, node)
        live = self._graph_cache.get(key.namespace, key.name)
        if live is not None and live.meta.labels.get(labels.TRANSFORM) in self._observing:
            self._look_at_instance_of(live)

    def _look_at_graph(self, key: GraphKey, node: NodeId | None = None) -> None:
        self._executor.wake(key, node)
        self.graphs.add(key)

    def _look_at_who_wants(self, gone: GraphKey) -> None:
        """Look at the instances whose graph would have the name of one that is gone."""
        for resource in self._instance_controller.serving:
            name = gone.name.removeprefix(manifests.graph_name(resource.kind, ""))
            informer = self._informers.get(resource)
            if informer is not None and informer.cache.get(gone.namespace, name) is not None:
                self.instances.add(InstanceKey(resource, gone.namespace, name))

    def _look_at_instance_of(self, graph: LiveObject) -> None:
        for resource in self._instance_controller.serving:
            if key := _instance_of(graph, resource):
                self.instances.add(key)


def _instance_of(graph: LiveObject, resource: ResourceType) -> InstanceKey | None:
    """The instance that a graph was rendered from, if it is one of ``resource``."""
    source = manifests.source(graph)
    if (source.api_version, source.kind) != (resource.api_version, resource.kind):
        return None
    return InstanceKey(resource, source.namespace, source.name)
