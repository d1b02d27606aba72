"""One turn of one graph: every node starts the moment that what it depends on is ready.

A turn looks at the nodes that something happened to, starts what can start, and goes on until nothing is under
way. Nothing waits inside a turn for readiness, so a turn holds no resources while a rollout takes its minutes. A
change that arrives while a node is being applied wakes the turn, so that a slow neighbour delays nobody.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fleet.apply import causes
from fleet.apply.inventory import Entry
from fleet.apply.judging import Need, Sight, judge, now_s, overdue_s
from fleet.apply.run import NodePhase
from fleet.errors import FleetError, Terminal, Transient, first_of
from fleet.graph.model import ConflictPolicy
from fleet.ids import InstanceUid
from fleet.kube import managedfields
from fleet.kube.discovery import UnknownKind
from fleet.retrying import Backoff

if TYPE_CHECKING:
    from fleet.apply.bring import Bringer
    from fleet.apply.children import Children
    from fleet.apply.ledger import Ledger
    from fleet.apply.policies import GraphPolicy
    from fleet.apply.run import NodeState, Run
    from fleet.graph.model import Node
    from fleet.ids import ClusterName, NodeId
    from fleet.kube.discovery import Discovery
    from fleet.kube.objects import LiveObject
    from fleet.kube.resources import ResourceType
    from fleet.retrying import RetryBudget

MAX_UNDER_WAY = 32
"""Nodes of one graph that are applied at once; what all graphs together ask of a cluster, the client bounds."""

SLOWLY_S = 5.0
"""The first delay after an error that will not mend by itself: somebody may grant what was missing, say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the turns of one cluster work with."""

    cluster: ClusterName
    discovery: Discovery
    children: Children
    ledger: Ledger
    bringer: Bringer
    retries: RetryBudget


class Turn:
    """One turn; make a new one for the next."""

    def __init__(self, run: Run, graph: LiveObject, policy: GraphPolicy, tools: Tools) -> None:
        self._run = run
        self._graph = graph
        self._policy = policy
        self._tools = tools
        self._sights: dict[NodeId, Sight] = {}
        self._startable: dict[NodeId, Need] = {}
        self._plans: dict[NodeId, asyncio.Task[None]] = {}
        self._group = asyncio.TaskGroup()

    async def execute(self) -> None:
        """Start every node that can start, until none is under way and none can start.

        Raises what keeps the turn from its end; what keeps one node from being applied ends up in its state.
        """
        try:
            async with self._group:
                await self._go_on()
        except BaseExceptionGroup as group:
            raise first_of(group) from group

    async def _go_on(self) -> None:
        run = self._run
        under_way: dict[asyncio.Task[None], NodeId] = {}
        while True:
            run.wake.clear()
            await self._look(run.take_dirty() - set(under_way.values()))
            while self._startable and len(under_way) < MAX_UNDER_WAY:
                node, need = next(iter(self._startable.items()))
                del self._startable[node]
                run.move(node, NodePhase.APPLYING)
                under_way[self._group.create_task(self._bring(run.nodes[node], need))] = node
            if not under_way:
                return
            for task in await _first_done(run.wake, under_way):
                run.dirty.add(under_way.pop(task))

    # Judging

    async def _look(self, dirty: set[NodeId]) -> None:
        """Judge the nodes that something happened to, and those that one of them lets start."""
        found = sorted((node for node in dirty if node in self._run.nodes), key=self._run.position)
        for node in found:
            self._sights[node] = await self._look_at(self._run.states[node])
        self._plan(found)
        while found:
            before = len(self._run.ready)
            for node in found:
                self._consider(node)
            # A node that became ready may let others start; only those need a look.
            fresh = self._run.take_unblocked() if len(self._run.ready) != before else set()
            found = sorted((node for node in fresh if node not in self._startable), key=self._run.position)
            for node in found:
                self._sights[node] = await self._look_at(self._run.states[node])
            self._plan(found)

    def _consider(self, node: NodeId) -> None:
        run, state = self._run, self._run.states[node]
        self._startable.pop(node, None)
        need = judge(run, run.nodes[node], self._sights[node], self._tools.ledger)
        if need is Need.NOTHING:  # then there is nothing to be tried again either
            state.settle()
            return
        if missing := run.needs[node] - run.ready:
            run.move(node, NodePhase.PENDING, f"waits for {', '.join(sorted(missing))}")
        elif state.retry_at is None or state.retry_at <= now_s():
            self._startable[node] = need

    async def _look_at(self, state: NodeState) -> Sight:
        """Find the node's resource type and watch it, before anything is decided."""
        try:
            resource = await self._tools.discovery.resource_type(state.ref.api_version, state.ref.kind)
            if not resource.namespaced and state.ref.namespace:
                state.ref = replace(state.ref, namespace="")
            return Sight(resource=resource, informer=await self._tools.children.watched(resource))
        except (UnknownKind, Terminal) as exc:
            return Sight(obstacle=exc)

    def _plan(self, nodes: list[NodeId]) -> None:
        """Begin to record what may be applied, so that no crash can leave an object that nobody knows of."""
        planned = []
        for node_id in nodes:
            node, resource = self._run.nodes[node_id], self._sights[node_id].resource
            known = self._entry_of(node_id)
            wanted = (node.depends_on, node.deletion_policy)
            if resource is None or node_id in self._plans:
                continue
            if known is None or (known.depends_on, known.deletion_policy) != wanted:
                planned.append(self._new_entry(node, resource))
        if planned:
            plan = self._group.create_task(self._tools.ledger.plan(planned))
            self._plans.update((entry.node, plan) for entry in planned)

    # Applying

    async def _bring(self, node: Node, need: Need) -> None:
        """Apply one node; whatever happens ends up in its state."""
        sight, state = self._sights[node.id], self._run.states[node.id]
        if sight.resource is None or sight.informer is None:
            self._failed(node, sight.obstacle or UnknownKind(f"{state.ref} has no resource type"))
            return
        reason = "the graph's node"
        force = node.apply_policy.conflict_policy is ConflictPolicy.FORCE
        if need is Need.HEAL:
            # Whoever changed a field owns it now, so that taking it back needs force.
            reason, force = f"healing drift: {', '.join(each.path for each in state.drift[:5])}", True
        cause = causes.of_graph(self._graph, reason, node=node.id)
        try:
            live = await self._tools.bringer.bring(
                self._run,
                node,
                resource=sight.resource,
                policy=self._policy,
                cause=cause,
                force=force,
                planned=self._plans.get(node.id),
            )
        except FleetError as exc:
            self._failed(node, exc)
            return
        if need is Need.HEAL:  # what was refused, or did not get there, put nothing right
            state.healing = state.healing.healed(now_s())
        sight.informer.learn(live)
        self._succeeded(node, sight.resource, live)

    def _succeeded(self, node: Node, resource: ResourceType, live: LiveObject) -> None:
        state = self._run.states[node.id]
        state.settle()
        state.drift = ()
        state.applied_at = datetime.now(UTC)
        state.uid = live.meta.uid
        owned = managedfields.applied_by(live, node.apply_policy.field_manager)
        self._tools.ledger.applied(
            replace(
                self._new_entry(node, resource),
                uid=live.meta.uid,
                applied_hash=self._run.digests[node.id],
                applied_at=state.applied_at,
                managed=managedfields.digest(owned),
            )
        )

    def _failed(self, node: Node, error: FleetError) -> None:
        state, policy = self._run.states[node.id], node.retry_policy
        state.attempts += 1
        state.last_error = str(error)
        patience = isinstance(error, Transient) and state.attempts < policy.max_attempts
        initial_s = policy.initial_delay_seconds if patience else SLOWLY_S
        backoff = Backoff(initial_s=initial_s, maximum_s=max(policy.max_delay_seconds, initial_s))
        delay_s = backoff.delay_s(state.attempts, error)
        state.retry_at = now_s() + max(delay_s, self._tools.retries.delay_s(now_s()))
        self._run.move(node.id, NodePhase.APPLYING if patience else NodePhase.ERROR, str(error))

    # The ledger

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


async def _first_done(
    wake: asyncio.Event, under_way: dict[asyncio.Task[None], NodeId]
) -> list[asyncio.Task[None]]:
    """Wait until a task is done or the run is woken; gives the tasks that are done."""
    woken = asyncio.ensure_future(wake.wait())
    try:
        done, _ = await asyncio.wait({*under_way, woken}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        woken.cancel()
    return [task for task in under_way if task in done]


def next_look_s(run: Run) -> float | None:
    """When something will be due that no change announces: a retry, a readiness timeout, a pause of healing."""
    now, due = now_s(), []
    for node, state in run.states.items():
        if state.retry_at is not None:
            due.append((state.retry_at - now, node))
        if state.look_again_at is not None:
            due.append((state.look_again_at - now, node))
        if state.phase is NodePhase.WAITING_READY:
            due.append((-overdue_s(run.nodes[node], state), node))
    if not due:
        return None
    first_s = max(min(due)[0], 0.05)
    run.due.update(node for when_s, node in due if when_s <= first_s)
    return first_s
