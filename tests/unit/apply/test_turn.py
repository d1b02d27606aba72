from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from fleet.apply import run as runs
from fleet.apply.bring import Bringer
from fleet.apply.ledger import Ledger
from fleet.apply.policies import GraphPolicy
from fleet.apply.turn import Tools, Turn
from fleet.ids import ClusterName
from fleet.kube.errors import AlreadyExists, Unreachable
from fleet.kube.resources import ObjectRef, ResourceType
from fleet.retrying import RetryBudget
from fleet.store.errors import DatabaseUnavailable
from fleet.watch.cache import ObjectCache
from tests.unit.apply.graphs import graph, live, node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.apply.inventory import Entry
    from fleet.errors import FleetError
    from fleet.kube.objects import LiveObject

CONFIG_MAPS = ResourceType(group="", version="v1", kind="ConfigMap", plural="configmaps")


class Cluster:
    """A cluster of ConfigMaps, and the inventory of it: whatever is done is noted, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.unseen: FleetError | None = None
        self.unrecordable: FleetError | None = None
        self.recording = asyncio.Event()
        self.cache = ObjectCache()
        self.seeing = True
        self.foreign: set[str] = set()

    # Discovery, children and their informer

    async def resource_type(self, _api_version: str, _kind: str) -> ResourceType:
        return CONFIG_MAPS

    async def watched(self, _: ResourceType) -> Cluster:
        if self.unseen is not None:
            raise self.unseen
        return self

    async def is_new(self, _: ResourceType, ref: ObjectRef) -> bool:
        return self.cache.get(ref.namespace, ref.name) is None

    async def find(self, _: ResourceType, ref: ObjectRef) -> LiveObject | None:
        self.done.append(f"looked for {ref.name}")
        if ref.name not in self.foreign:
            return None
        return live({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ref.name, "namespace": "ns"}})

    def learn(self, seen: LiveObject) -> None:
        self.cache.learn(seen)

    # The client

    async def apply(
        self, _: ResourceType, manifest: dict[str, Any], *, only_new: bool = False, **__: object
    ) -> LiveObject:
        name = manifest["metadata"]["name"]
        if only_new and name in self.foreign:
            raise AlreadyExists(f"{name} exists already")
        self.done.append(f"{'made' if only_new else 'applied'} {name}")
        shown = {**manifest, "metadata": {**manifest["metadata"], "uid": f"u-{name}", "resourceVersion": "5"}}
        return live(shown)

    # The inventory

    async def record_all(self, entries: Iterable[Entry]) -> None:
        await self.recording.wait()
        if self.unrecordable is not None:
            raise self.unrecordable
        self.done.append(f"recorded {' '.join(each.node for each in entries)}")


def turn(cluster: Cluster, shown: LiveObject | None = None) -> Turn:
    shown = shown or graph(node("a"), node("b", "a"))
    anything = cast("Any", cluster)
    ledger = Ledger(anything)
    tools = Tools(
        cluster=ClusterName("one"),
        discovery=anything,
        children=anything,
        ledger=ledger,
        bringer=Bringer(anything, children=anything, ledger=ledger),
        retries=RetryBudget(),
    )
    return Turn(runs.start(shown, before=None), shown, GraphPolicy(), tools)


async def test_nothing_is_applied_before_it_is_recorded() -> None:
    cluster = Cluster()
    running = asyncio.create_task(turn(cluster).execute())
    await asyncio.sleep(0.01)
    assert cluster.done == []

    cluster.recording.set()
    await running
    assert cluster.done == ["recorded a b", "made a", "made b"]


async def test_a_cluster_is_looked_at_while_what_may_exist_is_recorded() -> None:
    cluster = Cluster()
    adopting = turn(cluster, graph(node("a", applyPolicy={"adopt": "Always"})))
    running = asyncio.create_task(adopting.execute())
    await asyncio.sleep(0.01)
    assert cluster.done == ["looked for a"]

    cluster.recording.set()
    await running
    assert cluster.done == ["looked for a", "recorded a", "applied a"]


async def test_what_somebody_else_made_is_looked_at_and_left_alone() -> None:
    cluster = Cluster()
    cluster.foreign, told = {"a"}, turn(cluster, graph(node("a")))
    cluster.recording.set()
    await told.execute()
    assert cluster.done == ["recorded a", "looked for a"]


async def test_what_cannot_be_recorded_is_not_applied_and_says_so_itself() -> None:
    cluster = Cluster()
    cluster.unrecordable = DatabaseUnavailable("no database")
    cluster.recording.set()

    with pytest.raises(DatabaseUnavailable, match="no database"):
        await turn(cluster).execute()
    assert cluster.done == []


async def test_a_cluster_that_cannot_be_seen_ends_the_turn_with_that() -> None:
    cluster = Cluster()
    cluster.unseen = Unreachable("nobody there")

    with pytest.raises(Unreachable, match="nobody there"):
        await turn(cluster).execute()
    assert cluster.done == []
