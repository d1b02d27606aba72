"""Executing graphs, one turn at a time.

A turn for a graph ends when nothing is under way; then the next change to a child, to the graph or to the clock
brings the next one. What a turn decides, it decides from the graph's spec, the ledger and the live objects
alone: a hub that was killed anywhere starts with the same three, and comes to the same end. For the same reason a
graph that is at rest need not be kept in memory.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from fleet.apply import causes
from fleet.apply import run as runs
from fleet.apply import status as statuses
from fleet.apply.run import GraphKey
from fleet.apply.teardown import LOOK_AGAIN_S
from fleet.apply.turn import Turn, next_look_s
from fleet.graph.model import GraphError, Severity
from fleet.kube.conditions import merge_patch
from fleet.kube.errors import NotFound
from fleet.kube.wellknown import GRAPHS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fleet.apply.policies import Policies
    from fleet.apply.run import Run
    from fleet.apply.teardown import Teardown
    from fleet.apply.turn import Tools
    from fleet.ids import NodeId
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.watch.coalescing import Coalescing
    from fleet.watch.informers import Informer


class _Unwritten(NamedTuple):
    """The status of a graph that the cluster does not show yet."""

    uid: str
    status: Mapping[str, Any]


class Executor:
    """Executes the graphs of one cluster."""

    def __init__(
        self,
        client: ClusterClient,
        *,
        graphs: Informer,
        tools: Tools,
        teardown: Teardown,
        coalescing: Coalescing[GraphKey],
        policies: Policies,
        on_status: Callable[[LiveObject], None],
    ) -> None:
        self._client = client
        self._graphs = graphs
        self._tools = tools
        self._teardown = teardown
        self._coalescing = coalescing
        self._policies = policies
        self._on_status = on_status
        self._runs: dict[GraphKey, Run] = {}
        self._unwritten: dict[GraphKey, _Unwritten] = {}

    def wake(self, key: GraphKey, node: NodeId | None = None) -> None:
        """Something about this graph, or about one of its nodes, changed: let it be looked at."""
        if run := self._runs.get(key):
            if node is not None:
                run.touch(node)
            run.wake.set()

    def status_of(self, graph: LiveObject) -> Mapping[str, Any]:
        """The graph's status: what is to be written where the cluster does not show it yet."""
        unwritten = self._unwritten.get(GraphKey.of(graph))
        if unwritten is not None and unwritten.uid == graph.meta.uid:
            return unwritten.status
        status: Mapping[str, Any] = graph.body.get("status", {})
        return status

    def hurry(self) -> None:
        """The cluster is back: no node waits for a later try any more."""
        for run in self._runs.values():
            for node, state in run.states.items():
                if state.retry_at is not None:
                    state.afresh()
                    run.dirty.add(node)

    async def reconcile(self, key: GraphKey) -> float | None:
        """One turn for one graph; gives the seconds until it wants another look without a change."""
        await self._graphs.synced()
        graph = self._graphs.cache.get(key.namespace, key.name)
        if graph is None or graph.deleting:
            self._forget(key)
            return await self._teardown.take_down(graph) if graph else None
        try:
            run = self._run_of(graph)
        except GraphError as exc:
            await self._publish_failure(graph, str(exc))
            return None
        policy = self._policies.of(graph)
        if policy is None:
            return None  # whoever learns it wakes us
        run.work_under(policy)
        if policy.suspended:
            return None
        if any(each.severity is Severity.ERROR for each in run.spec.violations):
            return await self._publish(graph, run, held=[])
        try:
            await Turn(run, graph, policy, self._tools).execute()
            held = await self._teardown.prune(graph, run, policy) if run.complete else []
        except BaseException:
            run.dirty.update(run.nodes)  # what this turn took and did not get to judge
            raise
        published = await self._publish(graph, run, held=held)
        due_s = _earliest(published, LOOK_AGAIN_S if held else None, next_look_s(run))
        if due_s is None and run.at_rest and not run.wake.is_set():
            self._runs.pop(key, None)
        return due_s

    def _run_of(self, graph: LiveObject) -> Run:
        key = GraphKey.of(graph)
        known = self._runs.get(key)
        if known is not None and known.uid != graph.meta.uid:
            known = None
        if known is None or known.generation != graph.meta.generation:
            known = self._runs[key] = runs.start(graph, before=known)
        known.dirty |= known.due
        known.due.clear()
        return known

    async def _publish(self, graph: LiveObject, run: Run, *, held: list[str]) -> float | None:
        """Write the status, or give the seconds after which it is due."""
        latest = self._graphs.cache.get(run.key.namespace, run.key.name) or graph
        current = latest.body.get("status", {})
        wanted = statuses.of_run(run, held=held, current=current, now=datetime.now(UTC))
        patch, final = merge_patch(current, wanted), wanted["phase"] in {"Completed", "Failed"}
        postponed_s = self._coalescing.postponed_s(run.key, final=final) if patch else 0.0
        if patch and not postponed_s:
            await self._write_status(latest, wanted, patch)
            return None
        self._take_back(latest)
        return postponed_s or None

    async def _publish_failure(self, graph: LiveObject, message: str) -> None:
        current = graph.body.get("status", {})
        wanted = statuses.of_failure(
            message, current=current, generation=graph.meta.generation, now=datetime.now(UTC)
        )
        if patch := merge_patch(current, wanted):
            await self._write_status(graph, wanted, patch)

    async def _write_status(self, graph: LiveObject, wanted: dict[str, Any], patch: dict[str, Any]) -> None:
        # Whoever goes by the status need not wait for the answer: it is so, whether it is written or not.
        key = GraphKey.of(graph)
        self._unwritten[key] = _Unwritten(graph.meta.uid, wanted)
        self._on_status(graph)
        cause = causes.of_graph(graph, "status of the graph")
        try:
            changed = await self._client.patch_status(GRAPHS, graph.ref, patch, cause=cause)
        except NotFound:
            return  # gone meanwhile
        self._unwritten.pop(key, None)
        self._graphs.learn_status(changed, written=wanted)

    def _take_back(self, graph: LiveObject) -> None:
        """What could not be written, or had no answer, is not so any more."""
        if self._unwritten.pop(GraphKey.of(graph), None):
            self._on_status(graph)

    def _forget(self, key: GraphKey) -> None:
        """The graph is gone, or about to go."""
        self._runs.pop(key, None)
        self._unwritten.pop(key, None)
        self._coalescing.forget(key)


def _earliest(*delays_s: float | None) -> float | None:
    """The first of several looks that are due."""
    return min((each for each in delays_s if each is not None), default=None)
