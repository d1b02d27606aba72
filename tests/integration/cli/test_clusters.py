"""``fleet clusters`` on a database that a hub could have left."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from fleet.ids import ClusterName
from fleet.kube.connection import InCluster, KubeconfigRef, SecretRef
from fleet.registry.clusters import Cluster, Health, Role
from fleet.registry.directory import Registrations
from fleet.registry.repository import ClusterRepository
from fleet.store import schema
from fleet.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result as Run

    from fleet.kube.connection import ConnectionRef


def cluster(name: str, connection: ConnectionRef, *roles: Role, suspend: bool = False) -> Cluster:
    return Cluster(
        name=ClusterName(name),
        labels={"region": "eu", "tier": "gold"},
        roles=frozenset(roles),
        connection=connection,
        suspend=suspend,
        file=Path(f"/clusters/{name}.yaml"),
        file_digest="sha256:0",
    )


CLUSTERS = (
    cluster("away", SecretRef(namespace="fleet", name="away"), Role.SPOKE),
    cluster("central", InCluster(), Role.HUB, Role.SPOKE),
    cluster("fresh", KubeconfigRef(path=Path("/kube/config"), context="fresh"), Role.SPOKE, suspend=True),
)


async def register(url: str, *clusters: Cluster) -> None:
    await schema.upgrade(url)
    async with Database.open(url) as database:
        repository = ClusterRepository(database)
        await repository.sync(
            Registrations(clusters=clusters, errors=(), listed=frozenset(each.name for each in clusters))
        )
        now = datetime.now(UTC)
        for name, health in {
            "away": Health(reachable=False, reason="connection refused", checked_at=now),
            "central": Health(reachable=True, version="v1.36.3", checked_at=now),
        }.items():
            if name in {each.name for each in clusters}:
                await repository.record_health(ClusterName(name), health)


@pytest.fixture
def url(database_url: str) -> str:
    asyncio.run(register(database_url, *CLUSTERS))
    return database_url


def test_the_list(fleet: Callable[..., Run], url: str) -> None:
    lines = [line.split() for line in fleet("clusters", "--database", url).output.splitlines()]
    labels = "region=eu,tier=gold"
    assert lines[0] == ["CLUSTER", "ROLES", "REACHABLE", "VERSION", "LAST", "SEEN", "LABELS", "REASON"]
    assert lines[1] == ["away", "spoke", "no", labels, "connection", "refused"]
    assert lines[2][:4] == ["central", "hub,spoke", "yes", "v1.36.3"]
    assert lines[3] == ["fresh", "spoke", "?,", "suspended", labels]


def test_the_list_for_machines(fleet: Callable[..., Run], url: str) -> None:
    away, central, fresh = msgspec.json.decode(fleet("clusters", "-o", "json", "--database", url).output)
    assert (away["reachable"], away["reason"]) == (False, "connection refused")
    assert (central["roles"], central["version"]) == (["hub", "spoke"], "v1.36.3")
    assert "reachable" not in fresh
    assert fresh["suspended"] is True


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("away", "key kubeconfig of Secret fleet/away on the hub cluster"),
        ("central", "the pod's service account"),
        ("fresh", "kubeconfig /kube/config, context fresh"),
    ],
)
def test_one_cluster_says_how_it_is_reached(fleet: Callable[..., Run], url: str, name: str, expected: str) -> None:
    assert f"Connection: {expected}" in fleet("clusters", "show", name, "--database", url).output


def test_options_count_before_the_subcommand_too(fleet: Callable[..., Run], url: str) -> None:
    run = fleet("clusters", "--database", url, "-o", "json", "show", "away")
    assert msgspec.json.decode(run.output)["name"] == "away"
    assert fleet("clusters", "--database", url, "-o", "json", "show", "away", "-o", "table").output[0] == "C"


def test_a_cluster_that_left_is_still_known(fleet: Callable[..., Run], url: str) -> None:
    asyncio.run(register(url, CLUSTERS[1]))
    assert "away" not in fleet("clusters", "--database", url).output
    assert "Detached:" in fleet("clusters", "--database", url, "show", "away").output


def test_a_cluster_that_nobody_knows(fleet: Callable[..., Run], url: str) -> None:
    run = fleet("clusters", "show", "atlantis", "--database", url)
    assert run.exit_code == 1
    assert run.output == (
        "error: no cluster atlantis was ever registered; `fleet clusters` lists those that are\n"
    )


def test_no_clusters_yet(fleet: Callable[..., Run], sqlite_url: str) -> None:
    asyncio.run(schema.upgrade(sqlite_url))
    assert fleet("clusters", "--database", sqlite_url).output.startswith("No cluster is registered")
