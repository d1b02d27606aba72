"""The instances of one spoke: render each with the revision in force, apply its graph, project its status.

The render is pure, so what went into it is remembered, and an event that changes none of that costs no render.
When an instance is deleted its graph goes with it, and the graph's finalizer brings the teardown.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import structlog
from prometheus_client import Counter

from fleet.cue.contract import ClusterFacts, InstanceMetadata, RenderInput
from fleet.errors import FleetError, Terminal, Transient
from fleet.ids import InstanceUid
from fleet.kube import labels
from fleet.kube.conditions import merge_patch
from fleet.kube.errors import AlreadyExists, Conflict, NotFound, Throttled, Unreachable
from fleet.kube.wellknown import GRAPHS
from fleet.kube.writes import Cause
from fleet.render import manifest as manifests
from fleet.render import reading
from fleet.render import status as statuses
from fleet.render.announcing import Announcer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cue.contract import Json, Reads
    from fleet.cue.evaluator import Evaluator
    from fleet.cue.module import Module
    from fleet.ids import ModuleDigest, NodeId
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ResourceType
    from fleet.transforms.catalog import Active
    from fleet.watch.coalescing import Coalescing
    from fleet.watch.informers import Informer, Informers

log = structlog.get_logger(__name__)

MEMO_SIZE = 10_000
"""Renders remembered per cluster; the least recently used go first, and cost one render when needed again."""


renders_total = Counter("fleet_renders", "Renders of instances.", ["cluster"])


class GraphTaken(Terminal):
    """The instance's graph would have the name of another: of a namesake whose kind is of another group, say."""


class GraphUnseen(Transient):
    """A graph of the name exists, and the stream has not shown it yet: it may be an earlier instance's."""


class InstanceKey(NamedTuple):
    """One instance on a cluster."""

    resource: ResourceType
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memo:
    """What the last render was made from, and what came of it that is asked for again."""

    inputs: tuple[object, ...]
    projected: Mapping[str, Any]


class Observing(Protocol):
    """Knows the live objects of graphs."""

    async def of(self, graph: LiveObject) -> Mapping[NodeId, LiveObject]:
        """The live objects of a graph's nodes. Raises what keeps them from being seen."""
        ...


class Executing(Protocol):
    """Knows how far graphs are."""

    def status_of(self, graph: LiveObject) -> Mapping[str, Any]:
        """The status of a graph, also where the cluster does not show it yet."""
        ...


class InstanceController:
    """Reconciles the instances of one spoke. `serving` says which kinds, and with which revision."""

    def __init__(
        self,
        client: ClusterClient,
        *,
        cluster_labels: Mapping[str, str],
        informers: Informers,
        graphs: Informer,
        evaluator: Evaluator,
        observing: Observing,
        executing: Executing,
        coalescing: Coalescing[InstanceKey],
    ) -> None:
        self.serving: dict[ResourceType, Active] = {}
        self._client = client
        self._cluster = ClusterFacts(name=client.name, labels=dict(cluster_labels))
        self._informers = informers
        self._graphs = graphs
        self._evaluator = evaluator
        self._observing = observing
        self._executing = executing
        self._coalescing = coalescing
        self._announcer = Announcer(client)
        self._memos: OrderedDict[InstanceUid, _Memo] = OrderedDict()
        self._reads: dict[ModuleDigest, Reads] = {}  # what each module that was rendered reads of the live objects
        self._deleted: set[InstanceUid] = set()

    def saw_deleted(self, instance: LiveObject) -> None:
        """The stream told that an instance was deleted: its graph is to go with it, as soon as it has its turn."""
        uid = InstanceUid(instance.meta.uid)
        self._memos.pop(uid, None)
        self._announcer.forget(uid)
        graph = self._graphs.cache.get(
            instance.meta.namespace, manifests.graph_name(instance.kind, instance.meta.name)
        )
        if graph is not None and graph.meta.labels.get(labels.INSTANCE) == uid:
            self._deleted.add(uid)

    async def reconcile(self, key: InstanceKey) -> float | None:
        """One turn for one instance."""
        active = self.serving.get(key.resource)
        informer = self._informers.get(key.resource)
        if active is None or informer is None:
            return None
        await self._graphs.synced()
        instance = informer.cache.get(key.namespace, key.name)
        graph = self._graphs.cache.get(key.namespace, manifests.graph_name(key.resource.kind, key.name))
        if graph is not None and graph.meta.labels.get(labels.INSTANCE) in self._deleted:
            await self._hasten(graph, active)
        if instance is None or instance.deleting:
            self._coalescing.forget(key)
            return None
        if graph is not None and (graph.deleting or manifests.is_of_earlier(graph, instance)):
            return None  # it is torn down, and its end wakes us
        if not manifests.is_of(graph, instance):
            graph = None  # ours cannot be made, and whoever tries says why
        if active.policy.suspend or is_suspended(instance):
            return await self._publish(key, instance, graph, statuses.Outcome(suspended=True))
        try:
            graph, projected = await self._bring_graph(instance, active, graph)
        except Terminal as exc:
            await self._publish(key, instance, graph, _failed(exc))
            raise
        except (Unreachable, Throttled):
            raise  # and there is no telling it on the cluster
        except Transient as exc:
            with contextlib.suppress(FleetError):  # the same trouble, most likely
                await self._publish(key, instance, graph, statuses.Outcome(trouble=str(exc)))
            raise
        return await self._publish(key, instance, graph, statuses.Outcome(projected=projected))

    async def _bring_graph(
        self, instance: LiveObject, active: Active, graph: LiveObject | None
    ) -> tuple[LiveObject, Mapping[str, Any]]:
        """Render if anything changed that goes into that, or the graph itself; gives the projected status, too."""
        observed: Mapping[NodeId, LiveObject] = {}
        if graph is not None and reads_observed(active.module):
            observed = await self._observing.of(graph)
        reads = self._reads.get(active.module.digest, True)
        memo = self._memos.get(InstanceUid(instance.meta.uid))
        if graph is not None and memo is not None:
            now = _inputs(instance, active, graph, reading.digest(observed, reads))
            if memo.inputs == now:
                return graph, memo.projected
        renders_total.labels(cluster=self._client.name).inc()
        read = reading.read_of(observed, reads)
        rendered = await self._evaluator.render(active.module, self._input(instance, read))
        self._reads[active.module.digest] = rendered.reads
        manifest = manifests.build(instance, active, rendered)
        if graph is None or not manifests.same(graph, manifest):
            graph = await self._write(instance, active, manifest, new=graph is None)
        inputs = _inputs(instance, active, graph, reading.digest(observed, rendered.reads))
        self._remember(instance, _Memo(inputs=inputs, projected=rendered.status or {}))
        return graph, rendered.status or {}

    def _remember(self, instance: LiveObject, memo: _Memo) -> None:
        uid = InstanceUid(instance.meta.uid)
        self._memos[uid] = memo
        self._memos.move_to_end(uid)
        if len(self._memos) > MEMO_SIZE:
            self._memos.popitem(last=False)

    def _input(self, instance: LiveObject, observed: dict[NodeId, Json]) -> RenderInput:
        meta = instance.meta
        return RenderInput(
            metadata=InstanceMetadata(
                name=meta.name, namespace=meta.namespace, labels=meta.labels, annotations=meta.annotations
            ),
            spec=instance.body.get("spec", {}),
            cluster=self._cluster,
            observed=observed,
        )

    async def _write(
        self, instance: LiveObject, active: Active, manifest: dict[str, Any], *, new: bool
    ) -> LiveObject:
        cause = _cause("rendered", instance, active)
        if new:
            try:
                graph = await self._client.apply(GRAPHS, manifest, cause=cause, only_new=True)
            except AlreadyExists as exc:
                raise self._in_the_way(manifest) from exc
        else:  # the graph is ours alone: whoever edits it is put right
            graph = await self._client.apply(GRAPHS, manifest, cause=cause, force=True)
        self._graphs.learn(graph)
        return graph

    def _in_the_way(self, manifest: dict[str, Any]) -> GraphTaken | GraphUnseen:
        graph = self._graphs.cache.get(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        if graph is None:
            return GraphUnseen(f"ResourceGraph {manifest['metadata']['name']} exists, and was not seen yet")
        of = manifests.source(graph)
        return GraphTaken(f"{graph.ref} exists, and is of {of} ({of.api_version}): give one of them another name")

    async def _publish(
        self, key: InstanceKey, instance: LiveObject, graph: LiveObject | None, outcome: statuses.Outcome
    ) -> float | None:
        """Write the status and tell what blocks the instance, or give the seconds after which that is due."""
        now = datetime.now(UTC)
        graph_status = self._executing.status_of(graph) if graph else {}
        wanted = statuses.build(instance, graph, outcome, graph_status=graph_status, now=now)
        cause = _cause("status of the instance", instance, self.serving.get(key.resource))
        if patch := merge_patch(instance.body.get("status", {}), wanted):
            final = wanted["phase"] in {"Ready", "Failed", "Suspended"}
            if (postponed_s := self._coalescing.postponed_s(key, final=final)) > 0:
                return postponed_s
            try:
                changed = await self._client.patch_status(key.resource, instance.ref, patch, cause=cause)
            except NotFound:
                return None  # deleted meanwhile
            if informer := self._informers.get(key.resource):
                informer.learn_status(changed, written=wanted)
        return await self._announcer.announce(instance, wanted, cause=cause, now=now)

    async def _hasten(self, graph: LiveObject, active: Active) -> None:
        """Delete the graph of an instance that was deleted before our eyes.

        Kubernetes' garbage collector does the same, but learns of a new kind only at its next discovery, which
        takes up to half a minute. An instance that is merely missing from a list is left to it.
        """
        uid = InstanceUid(graph.meta.labels[labels.INSTANCE])
        self._deleted.discard(uid)
        if graph.deleting:
            return
        source = manifests.source(graph)
        cause = Cause(
            reason="its instance was deleted",
            transform=active.transform,
            revision=active.revision,
            instance_uid=uid,
            instance=f"{source.namespace}/{source.name}",
            instance_kind=source.kind,
        )
        with contextlib.suppress(NotFound, Conflict):
            await self._client.delete(GRAPHS, graph.ref, uid=graph.meta.uid, cause=cause)


def _inputs(instance: LiveObject, active: Active, graph: LiveObject, observed: bytes) -> tuple[object, ...]:
    """What a render is made from; ``graph`` is among it, for an edited one is put right."""
    meta = instance.meta
    return (
        active.module.digest,
        active.revision,
        meta.generation,
        meta.labels,
        meta.annotations,
        observed,
        manifests.state(graph),
    )


def is_suspended(instance: LiveObject) -> bool:
    """Whether its owner asks for the instance to be left alone."""
    return instance.meta.annotations.get(labels.SUSPEND) == "true"


def reads_observed(module: Module) -> bool:
    """Whether a module can read live values at all: no file of it says ``observed``, no render depends on them."""
    return any("observed" in text for text in module.files.values())


def _failed(error: Terminal) -> statuses.Outcome:
    return statuses.Outcome(error=str(error), error_reason=type(error).__name__)


def _cause(reason: str, instance: LiveObject, active: Active | None) -> Cause:
    return Cause(
        reason=reason,
        transform=active.transform if active else None,
        revision=active.revision if active else None,
        instance_uid=InstanceUid(instance.meta.uid),
        instance=f"{instance.meta.namespace}/{instance.meta.name}",
        instance_kind=instance.kind,
    )
