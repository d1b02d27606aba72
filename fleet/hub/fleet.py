"""The registered clusters, and one supervised engagement for each.

The folder of cluster files decides; what changes in it takes effect at once. A cluster whose file changed is
engaged anew, one whose file went is let go: its engagement ends, and nothing on it is touched.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from fleet.audit.facts import Fact, Tag
from fleet.errors import FleetError
from fleet.hub.engagement import Engagement
from fleet.hub.hubclient import HubClient
from fleet.kube.writes import Cause
from fleet.registry import directory
from fleet.registry.clusters import Health, Role

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fleet.hub.engagement import Rooms
    from fleet.ids import ClusterName
    from fleet.registry.clusters import Cluster, Registration
    from fleet.registry.directory import Registrations
    from fleet.registry.repository import Changes

log = structlog.get_logger(__name__)


class RegisteredSpokes:
    """The spokes of the last look at the folder (transforms.controller.Spokes)."""

    def __init__(self) -> None:
        self._labels: Mapping[ClusterName, Mapping[str, str]] = {}
        self._suspended: frozenset[ClusterName] = frozenset()

    def labels(self) -> Mapping[ClusterName, Mapping[str, str]]:
        """The labels of every registered spoke."""
        return self._labels

    def suspended(self) -> frozenset[ClusterName]:
        """The spokes whose cluster files say so."""
        return self._suspended

    def become(self, clusters: tuple[Cluster, ...]) -> None:
        """Take the spokes among ``clusters`` as the registered ones."""
        spokes = [each for each in clusters if Role.SPOKE in each.roles]
        self._labels = {each.name: each.labels for each in spokes}
        self._suspended = frozenset(each.name for each in spokes if each.suspend)


@dataclass(frozen=True, slots=True)
class _Supervised:
    engagement: Engagement
    task: asyncio.Task[None]


class Fleet:
    """Every engagement. `run` follows the folder until it is cancelled."""

    def __init__(self, folder: Path, rooms: Rooms, spokes: RegisteredSpokes) -> None:
        self.read_once = False
        self._folder = folder
        self._rooms = rooms
        self._spokes = spokes
        self._hub_client = HubClient()
        self._supervised: dict[ClusterName, _Supervised] = {}

    @property
    def engagements(self) -> list[Engagement]:
        """The engagements, by name of their clusters."""
        return [self._supervised[name].engagement for name in sorted(self._supervised)]

    async def run(self) -> None:
        """Follow the cluster files, and keep every registered cluster engaged."""
        async with asyncio.TaskGroup() as group, aclosing(directory.follow(self._folder)) as changes:
            async for registrations in changes:
                await self._take(registrations, group)

    async def _take(self, registrations: Registrations, group: asyncio.TaskGroup) -> None:
        for error in registrations.errors:
            log.error("cluster file refused", error=str(error))
        await self._remember(registrations)
        # SQL also has the clusters whose files were good once and are broken since, over restarts of the hub.
        registered = await self._rooms.clusters.list()
        clusters = await self._with_one_hub(registered)
        self._spokes.become(clusters)
        wanted = {cluster.name: cluster for cluster in clusters}
        for name, supervised in list(self._supervised.items()):
            if wanted.get(name) != supervised.engagement.cluster:
                await self._let_go(name)
        for name, cluster in wanted.items():
            if name not in self._supervised:
                engagement = Engagement(cluster, self._rooms, self._hub_client)
                task = group.create_task(engagement.supervise(), name=f"{name}: engagement")
                self._supervised[name] = _Supervised(engagement, task)
        for supervised in self._supervised.values():
            supervised.engagement.look_again()
        self.read_once = True

    async def _with_one_hub(self, registered: tuple[Registration, ...]) -> tuple[Cluster, ...]:
        """The clusters without those that want to be the hub cluster beside the one that is it.

        That is the one that was it before, else the one that was registered first: another one has no Transforms,
        or others, and would take every kind out of force.
        """
        before = {name for name, each in self._supervised.items() if Role.HUB in each.engagement.cluster.roles}
        hubs = [each for each in registered if Role.HUB in each.cluster.roles]
        hubs.sort(key=lambda each: (each.cluster.name not in before, each.registered_at))
        for other in hubs[1:]:
            reason = (
                f"{hubs[0].cluster.name} is the hub cluster, and there is only one: this one is left alone until "
                f"the role hub is gone from one of their files"
            )
            log.error("a second hub cluster", cluster=other.cluster.name, error=reason)
            with suppress(FleetError):  # it is told in the log
                health = Health(reachable=False, reason=reason, checked_at=datetime.now(UTC))
                await self._rooms.clusters.record_health(other.cluster.name, health)
        return tuple(each.cluster for each in registered if each not in hubs[1:])

    async def _let_go(self, name: ClusterName) -> None:
        supervised = self._supervised.pop(name)
        supervised.task.cancel()
        await asyncio.wait([supervised.task])
        log.info("let go", cluster=name)

    async def _remember(self, registrations: Registrations) -> None:
        """Registrations in SQL, and what changed in the audit log."""
        while True:
            try:
                changes = await self._rooms.clusters.sync(registrations)
                await self._record(registrations, changes)
            except FleetError as exc:
                log.warning("registrations are not recorded yet", error=str(exc))
                await asyncio.sleep(1.0)
            else:
                return

    async def _record(self, registrations: Registrations, changes: Changes) -> None:
        told = {
            Tag.CLUSTER_REGISTERED: changes.registered,
            Tag.CLUSTER_UPDATED: changes.updated,
            Tag.CLUSTER_DETACHED: changes.detached,
        }
        for tag, names in told.items():
            for name in names:
                log.info("registration", cluster=name, change=tag.value)
                await self._rooms.audit.record(Fact(tag=tag, cause=Cause(reason="its cluster file"), cluster=name))
        for error in registrations.errors:
            await self._rooms.audit.record(
                Fact(tag=Tag.CLUSTER_FILE_REFUSED, cause=Cause(reason="its cluster file"), error=str(error))
            )
