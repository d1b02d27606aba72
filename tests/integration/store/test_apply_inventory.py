"""The apply room's memory, on real databases."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from fleet.apply.inventory import Entry, Inventory
from fleet.graph.model import DeletionPolicy
from fleet.ids import ClusterName, GraphUid, InstanceUid, NodeId
from fleet.kube.resources import ObjectRef, ResourceType

if TYPE_CHECKING:
    from fleet.store.database import Database

SPOKE = ClusterName("spoke-1")
DEPLOYMENT = Entry(
    cluster=SPOKE,
    graph_uid=GraphUid("g-1"),
    graph_namespace="team-a",
    graph_name="shop",
    instance_uid=InstanceUid("i-1"),
    node=NodeId("deployment"),
    resource=ResourceType(group="apps", version="v1", kind="Deployment", plural="deployments"),
    namespace="team-a",
    name="shop",
    depends_on=(),
    deletion_policy=DeletionPolicy.DELETE,
)
SERVICE = replace(
    DEPLOYMENT,
    node=NodeId("service"),
    resource=ResourceType(group="", version="v1", kind="Service", plural="services"),
    depends_on=(NodeId("deployment"),),
)
ROLE = replace(
    DEPLOYMENT,
    node=NodeId("role"),
    resource=ResourceType(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="ClusterRole",
        plural="clusterroles",
        namespaced=False,
    ),
    namespace="",
    deletion_policy=DeletionPolicy.ORPHAN,
)
APPLIED = replace(
    DEPLOYMENT, uid="u-1", applied_hash="sha256:1", applied_at=datetime(2026, 5, 1, 12, 0, 0, 1, tzinfo=UTC)
)


@pytest.fixture
def inventory(database: Database) -> Inventory:
    """The repository."""
    return Inventory(database)


async def test_entries_come_back_as_they_were_recorded(inventory: Inventory) -> None:
    await inventory.record_all([SERVICE, APPLIED, ROLE])

    assert await inventory.entries(SPOKE) == (APPLIED, ROLE, SERVICE)
    assert APPLIED.ref == ObjectRef(api_version="apps/v1", kind="Deployment", namespace="team-a", name="shop")
    assert SERVICE.ref.api_version == "v1"


async def test_recording_again_replaces(inventory: Inventory) -> None:
    await inventory.record(DEPLOYMENT)
    changed = replace(APPLIED, deletion_policy=DeletionPolicy.ORPHAN, depends_on=(NodeId("role"),))

    await inventory.record(changed)

    assert await inventory.entries(SPOKE) == (changed,)


async def test_what_is_about_to_be_applied_again_keeps_what_is_known_of_the_last_time(
    inventory: Inventory,
) -> None:
    await inventory.record(APPLIED)

    await inventory.record(replace(DEPLOYMENT, deletion_policy=DeletionPolicy.ORPHAN))

    assert await inventory.entries(SPOKE) == (replace(APPLIED, deletion_policy=DeletionPolicy.ORPHAN),)


async def test_one_node_may_leave_an_object_behind_and_hold_another(inventory: Inventory) -> None:
    renamed = replace(DEPLOYMENT, name="shop-2")
    await inventory.record_all([DEPLOYMENT, renamed])

    await inventory.forget(DEPLOYMENT)

    assert await inventory.entries(SPOKE) == (renamed,)


async def test_graphs_and_clusters_are_told_apart(inventory: Inventory) -> None:
    other_graph = replace(DEPLOYMENT, graph_uid=GraphUid("g-2"))
    elsewhere = replace(DEPLOYMENT, cluster=ClusterName("spoke-2"))
    await inventory.record_all([DEPLOYMENT, other_graph, elsewhere])

    assert await inventory.entries(SPOKE) == (DEPLOYMENT, other_graph)
    assert await inventory.entries_of(SPOKE, graph_uid=GraphUid("g-2")) == (other_graph,)
    assert await inventory.entries_of(ClusterName("spoke-2"), graph_uid=GraphUid("g-2")) == ()


async def test_forgetting_what_is_not_there_is_no_error(inventory: Inventory) -> None:
    await inventory.record(SERVICE)

    await inventory.forget_all([DEPLOYMENT, ROLE])
    await inventory.forget_all([])
    await inventory.record_all([])

    assert await inventory.entries(SPOKE) == (SERVICE,)


async def test_thousands_are_recorded_read_and_forgotten_together(inventory: Inventory) -> None:
    many = [replace(APPLIED, graph_uid=GraphUid(f"g-{n:05}")) for n in range(5000)]
    start = time.monotonic()

    await inventory.record_all(many)
    assert await inventory.entries(SPOKE) == tuple(many)
    await inventory.forget_all(many[1:])

    assert await inventory.entries(SPOKE) == (many[0],)
    assert time.monotonic() - start < 15  # one round trip per row would take several times as long
