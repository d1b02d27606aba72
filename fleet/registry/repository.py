"""Registrations and health in SQL. Rows stay here; everybody else gets frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from sqlalchemy import select

from fleet.errors import Terminal
from fleet.ids import ClusterName
from fleet.kube.connection import ConnectionRef, InCluster, KubeconfigRef, SecretRef
from fleet.registry.clusters import Cluster, Health, Registration, Role
from fleet.registry.tables import ClusterRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.registry.directory import Registrations
    from fleet.store.database import Database

SEEN_EVERY = timedelta(seconds=30)
"""How often an unchanged health is written, which is how exact ``last_seen_at`` is."""


class UnknownCluster(Terminal):
    """No cluster of that name was ever registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a sync made different, each by name."""

    registered: tuple[ClusterName, ...] = ()
    updated: tuple[ClusterName, ...] = ()
    detached: tuple[ClusterName, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.registered or self.updated or self.detached)


def _now() -> datetime:
    return datetime.now(UTC)


class ClusterRepository:
    """The memory of the registry."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._now = now
        self._written: dict[ClusterName, Health] = {}

    async def sync(self, registrations: Registrations) -> Changes:
        """Make SQL say what the folder says. A cluster is detached only if its file is known to be gone."""
        now = self._now()
        registered, updated, detached = [], [], []
        async with self._database.writing() as session:
            rows = {row.name: row for row in await session.scalars(select(ClusterRow))}
            for cluster in registrations.clusters:
                row = rows.get(cluster.name)
                if row is None:
                    row = ClusterRow(name=cluster.name, registered_at=now, updated_at=now)
                    _write(row, cluster)
                    session.add(row)
                    registered.append(cluster.name)
                elif row.detached_at is not None:
                    row.detached_at = None
                    self._update(row, cluster, now=now)
                    registered.append(cluster.name)
                elif _cluster(row) != cluster:
                    self._update(row, cluster, now=now)
                    updated.append(cluster.name)
            for name in sorted(rows):
                row = rows[name]
                gone = registrations.listed is not None and name not in registrations.listed
                if gone and row.detached_at is None:
                    row.detached_at = row.updated_at = now
                    detached.append(ClusterName(name))
        return Changes(registered=tuple(registered), updated=tuple(updated), detached=tuple(detached))

    def _update(self, row: ClusterRow, cluster: Cluster, *, now: datetime) -> None:
        if row.connection != _connection_to_json(cluster.connection):
            # What was seen over another connection says nothing about this one.
            row.reachable = row.reason = row.version = row.last_seen_at = row.checked_at = None
            self._written.pop(cluster.name, None)
        _write(row, cluster)
        row.updated_at = now

    async def list(self) -> tuple[Registration, ...]:
        """The clusters of the fleet by name, without the detached ones."""
        query = select(ClusterRow).where(ClusterRow.detached_at.is_(None)).order_by(ClusterRow.name)
        async with self._database.reading() as session:
            return tuple(_registration(row) for row in await session.scalars(query))

    async def get(self, name: ClusterName) -> Registration:
        """One cluster, detached or not; raises UnknownCluster."""
        async with self._database.reading() as session:
            row = await session.get(ClusterRow, name)
            if row is None:
                raise UnknownCluster(
                    f"no cluster {name} was ever registered; `fleet clusters` lists those that are"
                )
            return _registration(row)

    async def record_health(self, name: ClusterName, health: Health) -> bool:
        """Remember what was found, and say whether it differs from what was found before.

        What differs is written at once; that nothing does is written every SEEN_EVERY, for ``last_seen_at``.
        """
        known = self._written.get(name)
        if known is not None and _same(known, health) and health.checked_at - known.checked_at < SEEN_EVERY:
            return False
        async with self._database.writing() as session:
            row = await session.get(ClusterRow, name)
            if row is None:
                raise UnknownCluster(f"no cluster {name} was ever registered, so it has no health")
            before = _health(row)
            row.reachable = health.reachable
            row.reason = health.reason
            row.version = health.version
            row.checked_at = health.checked_at
            if health.reachable:
                row.last_seen_at = health.checked_at
        self._written[name] = health
        return before is None or not _same(before, health)


def _same(one: Health, other: Health) -> bool:
    return (one.reachable, one.reason, one.version) == (other.reachable, other.reason, other.version)


def _write(row: ClusterRow, cluster: Cluster) -> None:
    row.labels = dict(cluster.labels)
    row.roles = sorted(cluster.roles)
    row.connection = _connection_to_json(cluster.connection)
    row.suspended = cluster.suspend
    row.file = str(cluster.file)
    row.file_digest = cluster.file_digest


def _registration(row: ClusterRow) -> Registration:
    return Registration(
        cluster=_cluster(row),
        registered_at=row.registered_at,
        updated_at=row.updated_at,
        detached_at=row.detached_at,
        health=_health(row),
        last_seen_at=row.last_seen_at,
    )


def _cluster(row: ClusterRow) -> Cluster:
    return Cluster(
        name=ClusterName(row.name),
        labels=row.labels,
        roles=frozenset(Role(role) for role in row.roles),
        connection=_connection_from_json(row.connection),
        suspend=row.suspended,
        file=Path(row.file),
        file_digest=row.file_digest,
    )


def _health(row: ClusterRow) -> Health | None:
    if row.reachable is None or row.checked_at is None:
        return None
    return Health(reachable=row.reachable, reason=row.reason, version=row.version, checked_at=row.checked_at)


def _connection_to_json(connection: ConnectionRef) -> dict[str, Any]:
    match connection:
        case KubeconfigRef(path=path, context=context):
            return {"kubeconfig": {"path": str(path), "context": context}}
        case InCluster():
            return {"inCluster": {}}
        case SecretRef(namespace=namespace, name=name, key=key):
            return {"secret": {"namespace": namespace, "name": name, "key": key}}
        case _:
            assert_never(connection)


def _connection_from_json(raw: dict[str, Any]) -> ConnectionRef:
    match raw:
        case {"kubeconfig": {"path": str(path), "context": context}}:
            return KubeconfigRef(path=Path(path), context=context)
        case {"secret": {"namespace": namespace, "name": name, "key": key}}:
            return SecretRef(namespace=namespace, name=name, key=key)
        case _:
            return InCluster()
