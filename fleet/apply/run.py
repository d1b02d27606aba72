"""How far the execution of one graph has come: the state that lives between two looks at it.

All of it can be lost: what matters is in SQL and in the graph's status, and is read from there again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from fleet.apply.drift import NEVER_HEALED
from fleet.graph import order
from fleet.graph.model import Mode, parse_spec
from fleet.ids import GraphUid, NodeId
from fleet.kube.conditions import parse_rfc3339
from fleet.kube.resources import ObjectRef

if TYPE_CHECKING:
    from fleet.apply.drift import Drift, Healing
    from fleet.apply.policies import GraphPolicy
    from fleet.graph.model import GraphSpec, Node
    from fleet.graph.order import Dependencies
    from fleet.kube.objects import LiveObject


class GraphKey(NamedTuple):
    """One graph on a cluster."""

    namespace: str
    name: str

    @classmethod
    def of(cls, graph: LiveObject) -> GraphKey:
        """The key of a graph that a cluster shows."""
        return cls(graph.meta.namespace, graph.meta.name)

    def __str__(self) -> str:
        return f"ResourceGraph {self.namespace}/{self.name}"


class NodePhase(StrEnum):
    """``status.nodes.*.phase``."""

    PENDING = "Pending"
    APPLYING = "Applying"
    WAITING_READY = "WaitingReady"
    READY = "Ready"
    ERROR = "Error"
    ADOPTED = "Adopted"


READY_PHASES = frozenset({NodePhase.READY, NodePhase.ADOPTED})

FEW_NODES = 32
"""A graph of so many is looked at anew as a whole without anybody noticing."""


@dataclass(slots=True, kw_only=True)
class NodeState:
    """One node's progress. ``retry_at`` and ``look_again_at`` are in the event loop's time."""

    phase: NodePhase = NodePhase.PENDING
    message: str = ""
    last_error: str = ""
    attempts: int = 0
    retry_at: float | None = None
    applied_at: datetime | None = None
    ready_at: datetime | None = None
    ref: ObjectRef
    uid: str | None = None
    since: datetime
    drift: tuple[Drift, ...] = ()
    healing: Healing = NEVER_HEALED
    look_again_at: float | None = None

    def afresh(self) -> NodeState:
        """The same, to be tried at once, and as often as if it had never failed."""
        self.retry_at, self.attempts = None, 0
        return self

    def settle(self) -> None:
        """Nothing is left to be tried again: what failed before is over."""
        self.afresh()
        self.last_error = ""


@dataclass(slots=True, kw_only=True)
class Run:
    """The execution of one generation of a graph."""

    key: GraphKey
    uid: GraphUid
    generation: int
    spec: GraphSpec
    nodes: dict[NodeId, Node]
    needs: Dependencies
    digests: dict[NodeId, str]
    states: dict[NodeId, NodeState]
    started_at: datetime
    policy: GraphPolicy | None = None
    """What the graph could do when it was last worked on."""
    ready: set[NodeId] = field(default_factory=set)
    dirty: set[NodeId] = field(default_factory=set)
    """Nodes that something happened to since they were last judged."""
    due: set[NodeId] = field(default_factory=set)
    """Nodes to be judged at the next turn because time has passed."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _unblocked: set[NodeId] = field(default_factory=set)
    _dependents: dict[NodeId, list[NodeId]] = field(default_factory=dict)
    _positions: dict[NodeId, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for position, (node, needed) in enumerate(self.needs.items()):
            self._positions[node] = position
            for each in needed:
                self._dependents.setdefault(each, []).append(node)

    @property
    def complete(self) -> bool:
        """Every node is ready, and none is missing from the render."""
        return len(self.ready) == len(self.nodes) and not self.spec.waiting

    @property
    def at_rest(self) -> bool:
        """There is nothing here that a look at the cluster would not tell as well, and soon."""
        if not self.complete or len(self.nodes) > FEW_NODES:
            return False
        return all(not state.drift and state.healing == NEVER_HEALED for state in self.states.values())

    def move(self, node: NodeId, phase: NodePhase, message: str = "") -> None:
        """Let a node be in ``phase``."""
        state = self.states[node]
        if state.phase is not phase:
            state.since = datetime.now(UTC)
        state.phase = phase
        state.message = message
        if phase in READY_PHASES:
            if node not in self.ready:
                self.ready.add(node)
                self._unblocked.update(self._dependents.get(node, ()))
        else:
            self.ready.discard(node)

    def work_under(self, policy: GraphPolicy) -> None:
        """Take note of what the graph may do; where that is new, what was refused before is tried again."""
        if self.policy is not None and self.policy != policy:
            for state in self.states.values():
                state.afresh()
            self.dirty.update(self.nodes)
        self.policy = policy

    def touch(self, node: NodeId) -> None:
        """Something happened to an object that is labelled as this node's.

        Labels may be wrong, by somebody's hand or because a node that only creates was given another id.
        """
        if node in self.nodes:
            self.dirty.add(node)
        else:
            self.dirty.update(self.nodes)

    def position(self, node: NodeId) -> int:
        """Where the node stands in the order of dependency."""
        return self._positions[node]

    def take_dirty(self) -> set[NodeId]:
        """The nodes to judge now; they are clean from here on."""
        taken, self.dirty = self.dirty, set()
        return taken

    def take_unblocked(self) -> set[NodeId]:
        """The nodes of which a dependency became ready since the last call."""
        taken, self._unblocked = self._unblocked, set()
        return taken


def start(graph: LiveObject, *, before: Run | None) -> Run:
    """A run for the graph's generation; nodes that are the same as ``before`` keep their state.

    Raises GraphError where the spec cannot be executed.
    """
    spec = parse_spec(graph.body["spec"])
    absent = frozenset(each.node for each in spec.waiting)
    needs = order.dependencies(spec.nodes, absent=absent)
    nodes = {node.id: node for node in spec.nodes}
    digests = {node.id: node.digest() for node in spec.nodes}
    states = {}
    for node in spec.nodes:
        if before is not None and before.digests.get(node.id) == digests[node.id]:
            # What failed may go now: the new generation may bring a node's policy, or what a conflict was about.
            states[node.id] = before.states[node.id].afresh()
        else:
            states[node.id] = _restored(node, graph)
    return Run(
        key=GraphKey.of(graph),
        uid=GraphUid(graph.meta.uid),
        generation=graph.meta.generation,
        spec=spec,
        nodes=nodes,
        needs=needs,
        digests=digests,
        states=states,
        started_at=datetime.now(UTC),
        ready={node for node, state in states.items() if state.phase in READY_PHASES},
        dirty=set(nodes),
        wake=before.wake if before is not None else asyncio.Event(),
    )


def object_ref(node: Node, namespace: str) -> ObjectRef:
    """The object that a node stands for; without a namespace of its own it is the graph's."""
    metadata = node.object.get("metadata", {})
    return ObjectRef(
        api_version=node.object.get("apiVersion", ""),
        kind=node.object.get("kind", ""),
        namespace=metadata.get("namespace", namespace),
        name=metadata.get("name", ""),
    )


def recorded_as(node: Node, namespace: str) -> tuple[ObjectRef, ObjectRef]:
    """What the entry of a node's object may name: the spec does not say which kinds are cluster-scoped."""
    ref = object_ref(node, namespace)
    return (ref, replace(ref, namespace=""))


def settled_phase(node: Node) -> NodePhase:
    """What a ready node is called."""
    return NodePhase.ADOPTED if node.apply_policy.mode is Mode.ADOPT else NodePhase.READY


def _restored(node: Node, graph: LiveObject) -> NodeState:
    state = NodeState(ref=object_ref(node, graph.meta.namespace), since=datetime.now(UTC))
    status = graph.body.get("status", {})
    known = status.get("nodes", {}).get(node.id)
    if known is not None and status.get("observedGeneration") == graph.meta.generation:
        state.since = _time(known.get("since")) or state.since
        state.phase = NodePhase(known.get("phase", state.phase))
        state.attempts = known.get("attempts", 0)
        state.last_error = known.get("lastError", "")
        state.applied_at = _time(known.get("appliedAt"))
        state.ready_at = _time(known.get("readyAt"))
    return state


def _time(text: str | None) -> datetime | None:
    return parse_rfc3339(text) if text else None
