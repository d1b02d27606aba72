"""Registrations and health on real databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from fleet.ids import ClusterName
from fleet.kube.connection import InCluster, KubeconfigRef, SecretRef
from fleet.registry.clusters import Cluster, Health, Role
from fleet.registry.directory import Registrations
from fleet.registry.errors import ClusterFileError
from fleet.registry.repository import SEEN_EVERY, Changes, ClusterRepository, UnknownCluster
from fleet.registry.tables import ClusterRow

if TYPE_CHECKING:
    from fleet.kube.connection import ConnectionRef
    from fleet.store.database import Database

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
A, B = ClusterName("a"), ClusterName("b")


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def cluster(name: ClusterName = A, *, connection: ConnectionRef | None = None) -> Cluster:
    return Cluster(
        name=name,
        labels={"tier": "prod"},
        roles=frozenset({Role.HUB, Role.SPOKE}),
        connection=connection or KubeconfigRef(path=Path(f"/kubeconfigs/{name}"), context="admin"),
        suspend=False,
        file=Path(f"/clusters/{name}.yaml"),
        file_digest=f"sha256:{name}",
    )


def folder(*clusters: Cluster, broken: tuple[ClusterName, ...] = ()) -> Registrations:
    return Registrations(
        clusters=clusters,
        errors=tuple(ClusterFileError("broken", file=Path(f"/clusters/{name}.yaml")) for name in broken),
        listed=frozenset(each.name for each in clusters) | frozenset(broken),
    )


async def registered(clusters: ClusterRepository) -> list[Cluster]:
    return [each.cluster for each in await clusters.list()]


@pytest.mark.parametrize(
    "connection",
    [
        KubeconfigRef(path=Path("/k")),
        KubeconfigRef(path=Path("/k"), context="admin"),
        InCluster(),
        SecretRef(namespace="fleet", name="a", key="value"),
    ],
)
async def test_a_cluster_comes_back_as_it_was_registered(database: Database, connection: ConnectionRef) -> None:
    clusters = ClusterRepository(database, now=Clock())

    changes = await clusters.sync(folder(cluster(connection=connection)))

    assert changes == Changes(registered=(A,))
    (registration,) = await clusters.list()
    assert registration.cluster == cluster(connection=connection)
    assert (registration.registered_at, registration.updated_at) == (START, START)
    assert (registration.detached_at, registration.health, registration.last_seen_at) == (None, None, None)


async def test_syncing_the_same_again_changes_nothing(database: Database) -> None:
    clock = Clock()
    clusters = ClusterRepository(database, now=clock)
    await clusters.sync(folder(cluster(A), cluster(B)))
    clock.now += timedelta(hours=1)

    changes = await clusters.sync(folder(cluster(A), cluster(B)))

    assert not changes
    assert (await clusters.get(A)).updated_at == START


async def test_a_changed_file_updates_its_cluster_only(database: Database) -> None:
    clock = Clock()
    clusters = ClusterRepository(database, now=clock)
    await clusters.sync(folder(cluster(A), cluster(B)))
    clock.now += timedelta(hours=1)
    changed = replace(cluster(A), suspend=True, labels={}, roles=frozenset({Role.SPOKE}), file_digest="sha256:2")

    assert await clusters.sync(folder(changed, cluster(B))) == Changes(updated=(A,))

    assert await registered(clusters) == [changed, cluster(B)]
    assert (await clusters.get(A)).updated_at == clock.now
    assert (await clusters.get(A)).registered_at == START
    assert (await clusters.get(B)).updated_at == START


async def test_a_removed_file_detaches_and_keeps_the_memory(database: Database) -> None:
    clock = Clock()
    clusters = ClusterRepository(database, now=clock)
    await clusters.sync(folder(cluster(A), cluster(B)))
    clock.now += timedelta(hours=1)

    assert await clusters.sync(folder(cluster(B))) == Changes(detached=(A,))
    assert not await clusters.sync(folder(cluster(B)))

    assert await registered(clusters) == [cluster(B)]
    assert (await clusters.get(A)).detached_at == clock.now


async def test_a_detached_cluster_can_come_back(database: Database) -> None:
    clusters = ClusterRepository(database, now=Clock())
    await clusters.sync(folder(cluster(A)))
    await clusters.sync(folder())

    assert await clusters.sync(folder(cluster(A))) == Changes(registered=(A,))

    assert (await clusters.get(A)).detached_at is None


async def test_a_broken_file_keeps_the_last_good_registration_over_a_restart(database: Database) -> None:
    await ClusterRepository(database, now=Clock()).sync(folder(cluster(A), cluster(B)))

    after_restart = ClusterRepository(database, now=Clock())
    changes = await after_restart.sync(folder(cluster(B), broken=(A,)))

    assert not changes
    assert await registered(after_restart) == [cluster(A), cluster(B)]


async def test_a_folder_that_cannot_be_listed_detaches_nobody(database: Database) -> None:
    clusters = ClusterRepository(database, now=Clock())
    await clusters.sync(folder(cluster(A)))
    unlisted = Registrations(clusters=(), errors=(), listed=None)

    assert not await clusters.sync(unlisted)
    assert await registered(clusters) == [cluster(A)]


async def test_an_unknown_cluster_is_named(database: Database) -> None:
    clusters = ClusterRepository(database)

    with pytest.raises(UnknownCluster, match="no cluster a was ever registered"):
        await clusters.get(A)
    with pytest.raises(UnknownCluster, match="no cluster a was ever registered"):
        await clusters.record_health(A, Health(reachable=True, checked_at=START))


UP = Health(reachable=True, version="v1.36.1", checked_at=START)


def down(after: timedelta) -> Health:
    return Health(reachable=False, reason="connection refused", checked_at=START + after)


async def test_health_is_kept_with_the_time_when_the_cluster_was_last_seen(database: Database) -> None:
    clusters = ClusterRepository(database, now=Clock())
    await clusters.sync(folder(cluster(A)))

    assert await clusters.record_health(A, UP)
    assert await clusters.record_health(A, down(timedelta(seconds=10)))

    registration = await clusters.get(A)
    assert registration.health == down(timedelta(seconds=10))
    assert registration.last_seen_at == START


async def test_health_that_stays_is_written_only_now_and_then(database: Database) -> None:
    clusters = ClusterRepository(database, now=Clock())
    await clusters.sync(folder(cluster(A)))
    await clusters.record_health(A, UP)

    soon = replace(UP, checked_at=START + SEEN_EVERY / 2)
    assert not await clusters.record_health(A, soon)
    assert (await clusters.get(A)).last_seen_at == START

    later = replace(UP, checked_at=START + SEEN_EVERY)
    assert not await clusters.record_health(A, later)
    assert (await clusters.get(A)).last_seen_at == START + SEEN_EVERY


async def test_after_a_restart_health_is_compared_with_what_was_stored(database: Database) -> None:
    before = ClusterRepository(database, now=Clock())
    await before.sync(folder(cluster(A)))
    await before.record_health(A, UP)

    after = ClusterRepository(database, now=Clock())

    assert not await after.record_health(A, replace(UP, checked_at=START + timedelta(seconds=5)))
    assert await after.record_health(A, replace(UP, version="v1.37.0", checked_at=START + timedelta(seconds=9)))


async def test_health_does_not_outlive_the_connection_it_was_seen_over(database: Database) -> None:
    clusters = ClusterRepository(database, now=Clock())
    await clusters.sync(folder(cluster(A)))
    await clusters.record_health(A, UP)

    await clusters.sync(folder(cluster(A, connection=InCluster())))

    assert (await clusters.get(A)).health is None
    assert await clusters.record_health(A, replace(UP, checked_at=START + timedelta(seconds=1)))


async def test_no_credential_can_be_in_sql(database: Database, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("token: hunter2")
    clusters = ClusterRepository(database, now=Clock())
    await clusters.sync(folder(cluster(connection=KubeconfigRef(path=kubeconfig))))

    async with database.reading() as session:
        row = (await session.scalars(select(ClusterRow))).one()
    assert row.connection == {"kubeconfig": {"path": str(kubeconfig), "context": None}}
