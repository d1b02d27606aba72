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
from fleet.kube.errors import Unreachable
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

    # Discovery, children and their informer

    async def resource_type(self, _api_version: str, _kind: str) -> ResourceType:
        return CONFIG_MAPS

    async def watched(self, _: ResourceType) -> Cluster:
        if self.unseen is not None:
            raise self.unseen
        return self

    async def find(self, _: ResourceType, ref: ObjectRef) -> LiveObject | None:
        self.done.append(f"looked for {ref.name}")
        return None

    def learn(self, seen: LiveObject) -> None:
        self.cache.learn(seen)

    # The client

    async def apply(self, _: ResourceType, manifest: dict[str, Any], **__: object) -> LiveObject:
        name = manifest["metadata"]["name"]
        self.done.append(f"applied {name}")
        shown = {**manifest, "metadata": {**manifest["metadata"], "uid": f"u-{name}", "resourceVersion": "5"}}
        return live(shown)

    # The inventory

    async def record_all(self, entries: Iterable[Entry]) -> None:
        await self.recording.wait()
        if self.unrecordable is not None:
            raise self.unrecordable
        self.done.append(f"recorded {' '.join(each.node for each in entries)}")


def turn(cluster: Cluster) -> Turn:
    shown = graph(node("a"), node("b", "a"))
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
    assert cluster.done == ["looked for a"], "looking need not wait"

    cluster.recording.set()
    await running
    assert cluster.done == ["looked for a", "recorded a b", "applied a", "looked for b", "applied b"]


async def test_what_cannot_be_recorded_is_not_applied_and_says_so_itself() -> None:
    cluster = Cluster()
    cluster.unrecordable = DatabaseUnavailable("no database")
    cluster.recording.set()

    with pytest.raises(DatabaseUnavailable, match="no database"):
        await turn(cluster).execute()
    assert "applied a" not in cluster.done


async def test_a_cluster_that_cannot_be_seen_ends_the_turn_with_that() -> None:
    cluster = Cluster()
    cluster.unseen = Unreachable("nobody there")

    with pytest.raises(Unreachable, match="nobody there"):
        await turn(cluster).execute()
    assert cluster.done == []
