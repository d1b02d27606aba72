"""A cluster as the apply room meets it, in memory."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from fleet.apply.bring import Bringer
from fleet.apply.inventory import Entry
from fleet.apply.ledger import Ledger
from fleet.apply.turn import Tools
from fleet.graph.model import DeletionPolicy
from fleet.ids import ClusterName, GraphUid, InstanceUid, NodeId
from fleet.kube.errors import AlreadyExists
from fleet.kube.resources import ObjectRef, ResourceType
from fleet.retrying import RetryBudget
from fleet.watch.cache import ObjectCache
from tests.unit.apply.graphs import live

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.errors import FleetError
    from fleet.kube.objects import LiveObject

CONFIG_MAPS = ResourceType(group="", version="v1", kind="ConfigMap", plural="configmaps")
OURS = [{"manager": "pequod-fleet", "operation": "Apply", "fieldsV1": {"f:data": {"f:key": {}}}}]


def entry(**changes: Any) -> Entry:  # noqa: ANN401 - any field of it
    """What the inventory says of the node a of a graph, but for ``changes``."""
    known = Entry(
        cluster=ClusterName("here"),
        graph_uid=GraphUid("g-1"),
        graph_namespace="ns",
        graph_name="web-web",
        instance_uid=InstanceUid("u-1"),
        node=NodeId("a"),
        resource=CONFIG_MAPS,
        namespace="ns",
        name="a",
        depends_on=(),
        deletion_policy=DeletionPolicy.DELETE,
    )
    return replace(known, **changes)


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
        self.refusal: FleetError | None = None
        self._versions = itertools.count(5, 5)

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
            return self.cache.get(ref.namespace, ref.name)
        return live({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ref.name, "namespace": "ns"}})

    def learn(self, seen: LiveObject) -> None:
        self.cache.learn(seen)

    # The client

    async def apply(
        self, _: ResourceType, manifest: dict[str, Any], *, only_new: bool = False, **__: object
    ) -> LiveObject:
        name = manifest["metadata"]["name"]
        if self.refusal is not None:
            raise self.refusal
        if only_new and name in self.foreign:
            raise AlreadyExists(f"{name} exists already")
        self.done.append(f"{'made' if only_new else 'applied'} {name}")
        given = {"uid": f"u-{name}", "resourceVersion": str(next(self._versions)), "managedFields": OURS}
        return live({**manifest, "metadata": {**manifest["metadata"], **given}})

    # The inventory

    async def record_all(self, entries: Iterable[Entry]) -> None:
        await self.recording.wait()
        if self.unrecordable is not None:
            raise self.unrecordable
        self.done.append(f"recorded {' '.join(each.node for each in entries)}")


def tools(cluster: Cluster) -> Tools:
    """What turns work with on that cluster."""
    anything = cast("Any", cluster)
    ledger = Ledger(anything)
    return Tools(
        cluster=ClusterName("one"),
        discovery=anything,
        children=anything,
        ledger=ledger,
        bringer=Bringer(anything, children=anything, ledger=ledger),
        retries=RetryBudget(),
    )
