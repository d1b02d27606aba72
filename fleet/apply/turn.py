"""One turn of one graph: every node starts the moment that what it depends on is ready.

A turn looks at all nodes, starts what can start, and goes on looking until nothing is under way. Nothing waits
inside a turn for readiness, so a turn holds no resources while a rollout takes its minutes. A change that arrives
while a node is being applied wakes the turn, so that a slow neighbour delays nobody.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fleet.apply import run as runs
from fleet.apply.inventory import Entry
from fleet.apply.run import NodePhase
from fleet.errors import FleetError, Terminal, Transient
from fleet.graph import readiness
from fleet.ids import InstanceUid, TransformName
from fleet.kube.discovery import UnknownKind
from fleet.kube.writes import Cause
from fleet.retrying import Backoff

if TYPE_CHECKING:
    from fleet.apply.bring import Bringer
    from fleet.apply.children import Children
    from fleet.apply.ledger import Ledger
    from fleet.apply.run import NodeState, Run
    from fleet.graph.model import Node
    from fleet.ids import ClusterName, NodeId
    from fleet.kube.discovery import Discovery
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ResourceType
    from fleet.watch.informers import Informer

READY_TIMEOUT_S = 600.0
"""How long a node may wait for readiness before that is an error, where the node does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the turns of one cluster work with."""

    cluster: ClusterName
    discovery: Discovery
    children: Children
    ledger: Ledger
    bringer: Bringer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of a node's type: its resource and informer, or the obstacle to having them."""

    resource: ResourceType | None = None
    informer: Informer | None = None
    obstacle: FleetError | None = None

    def live(self, state: NodeState) -> LiveObject | None:
        """The node's object as the watch last showed it."""
        return self.informer.cache.get(state.ref.namespace, state.ref.name) if self.informer else None


class Turn:
    """One turn; make a new one for the next."""

    def __init__(self, run: Run, tools: Tools) -> None:
        self._run = run
        self._tools = tools
        self._sights: dict[NodeId, Sight] = {}

    async def execute(self) -> None:
        """Start every node that can start, until none is under way and none can start."""
        for node, state in self._run.states.items():
            self._sights[node] = await self._look_at(state)
        await self._plan()
        under_way: dict[asyncio.Task[None], NodeId] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._run.wake.clear()
                for node in self._startable(busy=set(under_way.values())):
                    under_way[group.create_task(self._bring(self._run.nodes[node]))] = node
                if not under_way:
                    return
                for task in await _first_done(self._run.wake, under_way):
                    del under_way[task]

    async def _look_at(self, state: NodeState) -> Sight:
        """Find the node's resource type and watch it, before anything is decided."""
        try:
            resource = await self._tools.discovery.resource_type(state.ref.api_version, state.ref.kind)
            return Sight(resource=resource, informer=await self._tools.children.watched(resource))
        except (UnknownKind, Terminal) as exc:
            return Sight(obstacle=exc)

    async def _plan(self) -> None:
        """Record what may be applied, so that no crash can leave an object that nobody knows of."""
        planned = []
        for node_id, node in self._run.nodes.items():
            resource = self._sights[node_id].resource
            known = self._entry_of(node_id)
            if resource is not None and (
                known is None or _policy(known) != (node.depends_on, node.deletion_policy)
            ):
                planned.append(self._new_entry(node, resource))
        if planned:
            await self._tools.ledger.plan(planned)

    # Judging

    def _startable(self, *, busy: set[NodeId]) -> list[NodeId]:
        """Judge every node in order of dependency, and give those to apply now."""
        startable = []
        for node, needed in self._run.needs.items():
            if node in busy:
                continue
            state = self._run.states[node]
            if not self._needs_applying(node):
                self._judge(node)
            elif missing := needed - self._run.ready:
                self._run.move(node, NodePhase.PENDING, f"waits for {', '.join(sorted(missing))}")
            elif state.retry_at is None or state.retry_at <= _now():
                self._run.move(node, NodePhase.APPLYING)
                startable.append(node)
        return startable

    def _needs_applying(self, node: NodeId) -> bool:
        sight, entry = self._sights[node], self._entry_of(node)
        if sight.informer is None or entry is None or entry.applied_hash != self._run.digests[node]:
            return True
        # Seen to be absent: somebody deleted it. While nothing can be seen, nothing is concluded.
        return sight.live(self._run.states[node]) is None and sight.informer.seeing

    def _judge(self, node_id: NodeId) -> None:
        """Whether an applied node is ready."""
        run, node, state = self._run, self._run.nodes[node_id], self._run.states[node_id]
        live = self._sights[node_id].live(state)
        if live is None:
            run.move(node_id, NodePhase.WAITING_READY, "the cluster cannot be seen at the moment")
            return
        if live.deleting:
            run.move(node_id, NodePhase.WAITING_READY, "somebody is deleting the object")
            return
        state.uid = live.meta.uid
        verdict = readiness.check(node.ready_when, live.body)
        if verdict.ready:
            state.ready_at = state.ready_at or datetime.now(UTC)
            run.move(node_id, runs.settled_phase(node))
            return
        state.ready_at = None
        message = f"{verdict.predicate}: {verdict.message}"
        if overdue_s(node, state) >= 0:
            run.move(node_id, NodePhase.ERROR, f"not ready in {_timeout_s(node):.0f} s: {message}")
        else:
            run.move(node_id, NodePhase.WAITING_READY, message)

    # Applying

    async def _bring(self, node: Node) -> None:
        """Apply one node; whatever happens ends up in its state."""
        sight, state = self._sights[node.id], self._run.states[node.id]
        if sight.resource is None or sight.informer is None:
            self._failed(node, sight.obstacle or UnknownKind(f"{state.ref} has no resource type"))
            return
        try:
            live = await self._tools.bringer.bring(
                self._run, node, resource=sight.resource, cause=self._cause(node.id)
            )
        except FleetError as exc:
            self._failed(node, exc)
            return
        sight.informer.learn(live)
        state.attempts = 0
        state.retry_at = None
        state.last_error = ""
        state.applied_at = datetime.now(UTC)
        state.uid = live.meta.uid
        self._tools.ledger.applied(
            replace(
                self._new_entry(node, sight.resource),
                uid=live.meta.uid,
                applied_hash=self._run.digests[node.id],
                applied_at=state.applied_at,
            )
        )

    def _failed(self, node: Node, error: FleetError) -> None:
        state, policy = self._run.states[node.id], node.retry_policy
        backoff = Backoff(initial_s=policy.initial_delay_seconds, maximum_s=policy.max_delay_seconds)
        state.attempts += 1
        state.last_error = str(error)
        patience = isinstance(error, Transient) and state.attempts < policy.max_attempts
        delay_s = backoff.delay_s(state.attempts, error) if patience else max(policy.max_delay_seconds, 1.0)
        state.retry_at = _now() + delay_s
        self._run.move(node.id, NodePhase.APPLYING if patience else NodePhase.ERROR, str(error))

    # The ledger, and the cause

    def _entry_of(self, node: NodeId) -> Entry | None:
        return self._tools.ledger.get(self._run.uid, node, self._run.states[node].ref)

    def _new_entry(self, node: Node, resource: ResourceType) -> Entry:
        ref = self._run.states[node.id].ref
        return Entry(
            cluster=self._tools.cluster,
            graph_uid=self._run.uid,
            graph_namespace=self._run.key.namespace,
            graph_name=self._run.key.name,
            instance_uid=InstanceUid(self._run.spec.source_ref.uid),
            node=node.id,
            resource=resource,
            namespace=ref.namespace,
            name=ref.name,
            depends_on=node.depends_on,
            deletion_policy=node.deletion_policy,
        )

    def _cause(self, node: NodeId) -> Cause:
        source, revision = self._run.spec.source_ref, self._run.spec.revision
        return Cause(
            reason="the graph's node",
            transform=TransformName(revision.transform),
            revision=revision.number,
            instance_uid=InstanceUid(source.uid),
            instance=f"{source.namespace}/{source.name}",
            instance_kind=source.kind,
            graph_uid=self._run.uid,
            node=node,
        )


async def _first_done(wake: asyncio.Event, under_way: dict[asyncio.Task[None], NodeId]) -> set[asyncio.Task[None]]:
    """Wait until a task is done or the run is woken; gives the tasks that are done."""
    woken = asyncio.ensure_future(wake.wait())
    try:
        done, _ = await asyncio.wait({*under_way, woken}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        woken.cancel()
    return {task for task in under_way if task in done}


def _policy(entry: Entry) -> tuple[object, object]:
    return (entry.depends_on, entry.deletion_policy)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _timeout_s(node: Node) -> float:
    return max((each.timeout_seconds or READY_TIMEOUT_S for each in node.ready_when), default=READY_TIMEOUT_S)


def overdue_s(node: Node, state: NodeState) -> float:
    """Seconds past the readiness timeout; negative while there is time left."""
    if state.applied_at is None:
        return -_timeout_s(node)
    return (datetime.now(UTC) - state.applied_at).total_seconds() - _timeout_s(node)


def next_look_s(run: Run) -> float | None:
    """When something will be due that no change announces: a retry, or a readiness timeout."""
    due = [state.retry_at - _now() for state in run.states.values() if state.retry_at is not None]
    due += [
        -overdue_s(run.nodes[node], state)
        for node, state in run.states.items()
        if state.phase is NodePhase.WAITING_READY
    ]
    return max(min(due), 0.05) if due else None
