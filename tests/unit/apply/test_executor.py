from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from fleet.apply.executor import Executor
from fleet.apply.policies import GraphPolicy
from fleet.apply.run import GraphKey
from fleet.kube.errors import Unreachable
from fleet.watch.cache import ObjectCache
from fleet.watch.coalescing import Coalescing
from tests.unit.apply.clusters import Cluster, tools
from tests.unit.apply.graphs import graph, live, node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.errors import FleetError
    from fleet.kube.objects import LiveObject

KEY = GraphKey("ns", "web-web")


class Graphs:
    """The graphs of a cluster: their informer, the client that writes their status, and who may do what."""

    def __init__(self, shown: LiveObject) -> None:
        self.cache = ObjectCache()
        self.cache.put(shown)
        self.policy: GraphPolicy | None = GraphPolicy()
        self.refusal: FleetError | None = None
        self.told: list[str] = []

    async def synced(self) -> None:
        return

    def of(self, _: LiveObject) -> GraphPolicy | None:
        return self.policy

    async def patch_status(self, *args: object, **_: object) -> LiveObject:
        if self.refusal is not None:
            raise self.refusal
        body = self.shown().body
        return live({**body, "status": args[2], "metadata": {**body["metadata"], "resourceVersion": "9"}})

    def learn_status(self, seen: LiveObject, *, written: Mapping[str, Any]) -> None:
        assert seen.body["status"] == written
        self.cache.learn(seen)

    async def prune(self, *_: object) -> list[str]:
        return []

    def shown(self) -> LiveObject:
        seen = self.cache.get(*KEY)
        assert seen is not None
        return seen


def executor(graphs: Graphs, cluster: Cluster) -> Executor:
    anything = cast("Any", graphs)
    made = Executor(
        anything,
        graphs=anything,
        tools=tools(cluster),
        teardown=anything,
        coalescing=Coalescing(lambda: 0),
        policies=anything,
        on_status=lambda seen: graphs.told.append(made.status_of(seen).get("phase", "")),
    )
    return made


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster()
    made.recording.set()
    return made


async def test_a_status_is_told_before_it_is_written(cluster: Cluster) -> None:
    graphs = Graphs(graph(node("a")))
    await executor(graphs, cluster).reconcile(KEY)
    assert graphs.told == ["Completed"]
    assert graphs.shown().body["status"]["phase"] == "Completed"


async def test_what_was_told_and_not_written_holds_until_it_is_not_so_any_more(cluster: Cluster) -> None:
    graphs = Graphs(graph(node("a")))
    working = executor(graphs, cluster)
    graphs.refusal = Unreachable("no answer")
    with pytest.raises(Unreachable):
        await working.reconcile(KEY)
    assert working.status_of(graphs.shown())["phase"] == "Completed"

    unready = node("a", readyWhen=[{"type": "ConditionMatch", "condition": "Ready"}])
    graphs.cache.learn(graph(unready, generation=2, version=8))
    assert await working.reconcile(KEY), "progress that is to be told later"
    assert working.status_of(graphs.shown()) == {}
    assert graphs.told == ["Completed", ""]


async def test_a_graph_of_which_nobody_knows_the_policy_is_left_alone(cluster: Cluster) -> None:
    graphs = Graphs(graph(node("a")))
    graphs.policy = None
    assert await executor(graphs, cluster).reconcile(KEY) is None
    assert cluster.done == []
    assert "status" not in graphs.shown().body or not graphs.shown().body["status"]
