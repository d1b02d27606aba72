"""One engagement per cluster: connected, watched and worked on, for as long as the cluster is registered.

An engagement that breaks is begun again, later and later, and every other cluster goes on meanwhile. While it
lives, a probe asks the API server every few seconds; a cluster that does not answer keeps its engagement (its
streams come back by themselves), is told to be unreachable, and gets everything tried again once it answers.
Where it comes back with an earlier state than it had, it is engaged anew, for its streams would not tell.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Gauge

from fleet.apply.ledger import Ledger
from fleet.audit.facts import Fact, Tag
from fleet.errors import FleetError, Terminal, Transient, first_of
from fleet.hub import owncrds
from fleet.hub.hubside import HubSide
from fleet.hub.spoke import Spoke
from fleet.kube.client import ClusterClient
from fleet.kube.errors import NotFound, Throttled
from fleet.kube.objects import version_number
from fleet.kube.session import open_session
from fleet.kube.wellknown import GRAPHS, TRANSFORMS
from fleet.kube.writes import Cause
from fleet.registry.clusters import Health, Role
from fleet.retrying import Backoff
from fleet.watch.informers import Informers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.apply.inventory import Inventory
    from fleet.audit.log import AuditLog
    from fleet.cue.evaluator import Evaluator
    from fleet.cue.remote.fetching import Fetching
    from fleet.hub.hubclient import HubClient
    from fleet.ids import ClusterName
    from fleet.kube.objects import LiveObject
    from fleet.registry.clusters import Cluster
    from fleet.registry.repository import ClusterRepository
    from fleet.transforms.catalog import Catalog
    from fleet.transforms.controller import Spokes
    from fleet.transforms.repository import TransformRepository

log = structlog.get_logger(__name__)

PROBE_EVERY_S = 5.0
ENGAGE_AGAIN = Backoff(initial_s=0.5, maximum_s=30.0, jitter_s=0.5)

reachable = Gauge("fleet_cluster_reachable", "1 where the cluster's API server answers.", ["cluster"])


class SameCluster(Terminal):
    """Two cluster files lead to one cluster: two would render and apply the same instances."""


class OwnKindGone(Transient):
    """Somebody deleted the CRD of one of the fleet's own kinds; the next engagement makes it anew."""


class StorageRestored(Transient):
    """The API server is at an earlier resource version than before: what is known of the cluster is not so."""


class Rooms:
    """What every engagement shares."""

    def __init__(
        self,
        *,
        audit: AuditLog,
        catalog: Catalog,
        clusters: ClusterRepository,
        evaluator: Evaluator,
        fetching: Fetching,
        inventory: Inventory,
        spokes: Spokes,
        transforms: TransformRepository,
    ) -> None:
        self.audit = audit
        self.catalog = catalog
        self.clusters = clusters
        self.evaluator = evaluator
        self.fetching = fetching
        self.inventory = inventory
        self.spokes = spokes
        self.transforms = transforms
        self.engaged_spokes: dict[str, ClusterName] = {}
        """The spokes that are worked on, by what is another on each cluster: the uid of our CRD."""


class Engagement:
    """The hub's work on one cluster. `supervise` goes on until it is cancelled."""

    def __init__(self, cluster: Cluster, rooms: Rooms, hub_client: HubClient) -> None:
        self.cluster = cluster
        self.health: Health | None = None
        self.engaged = False
        self._rooms = rooms
        self._hub_client = hub_client
        self._spoke: Spoke | None = None
        self._hub_side: HubSide | None = None

    async def supervise(self) -> None:
        """Engage the cluster again and again; what ends an engagement is logged, and ends nothing else."""
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._engage()
            except* FleetError as group:
                error: BaseException = first_of(group)
                await self._record(Health(reachable=False, reason=str(error), checked_at=datetime.now(UTC)))
                log.warning("cannot engage cluster", cluster=self.cluster.name, error=str(error))
            except* Exception as group:
                error = first_of(group)
                log.exception("engagement failed unexpectedly", cluster=self.cluster.name)
            self.engaged = False
            lived_s = asyncio.get_running_loop().time() - started
            failures = 1 if lived_s > ENGAGE_AGAIN.maximum_s else failures + 1
            await asyncio.sleep(ENGAGE_AGAIN.delay_s(failures, error))

    def look_again(self) -> None:
        """The set of registered clusters changed."""
        if self._hub_side is not None:
            self._hub_side.look_again()

    async def _engage(self) -> None:
        """Connect, and do what the cluster's roles ask for, until something breaks."""
        async with open_session(self.cluster.connection, read_secret=self._hub_client.read_secret) as session:
            client = ClusterClient(self.cluster.name, session, self._rooms.audit)
            await self._probe_once(client)
            if self.cluster.suspend:
                await self._probe(client)
                return
            with ExitStack() as stack:
                if Role.SPOKE in self.cluster.roles:
                    stack.enter_context(self._alone_on(await owncrds.install(client, "resourcegraphs")))
                await self._work(client)

    @contextmanager
    def _alone_on(self, crd: LiveObject) -> Iterator[None]:
        """Nobody else works on the spoke that has this CRD. Raises SameCluster."""
        engaged, name = self._rooms.engaged_spokes, self.cluster.name
        if (other := engaged.setdefault(crd.meta.uid, name)) != name:
            raise SameCluster(
                f"this is the cluster {other} under another name: both cluster files lead to one API server. "
                f"{other} is worked on; remove one of the files"
            )
        try:
            yield
        finally:
            del engaged[crd.meta.uid]

    async def _work(self, client: ClusterClient) -> None:
        """Do what the cluster's roles ask for."""
        async with Informers(client) as informers, asyncio.TaskGroup() as group:
            group.create_task(self._probe(client, informers), name=f"{self.cluster.name}: probe")
            if Role.SPOKE in self.cluster.roles:
                await self._engage_spoke(client, informers, group)
            if Role.HUB in self.cluster.roles:
                await self._engage_hub(client, informers, group)
            self.engaged = True
            log.info(
                "engaged", cluster=self.cluster.name, roles=[role.value for role in sorted(self.cluster.roles)]
            )

    async def _engage_spoke(self, client: ClusterClient, informers: Informers, group: asyncio.TaskGroup) -> None:
        ledger = await Ledger.load(self._rooms.inventory, client.name)
        self._spoke = Spoke(
            self.cluster,
            client,
            informers,
            ledger=ledger,
            evaluator=self._rooms.evaluator,
            catalog=self._rooms.catalog,
            transforms=self._rooms.transforms,
            progressed=self._hub_client.transform_progressed,
        )
        group.create_task(self._spoke.run(), name=f"{self.cluster.name}: spoke")

    async def _engage_hub(self, client: ClusterClient, informers: Informers, group: asyncio.TaskGroup) -> None:
        await owncrds.install(client, "transforms")
        self._hub_side = HubSide(
            client,
            informers,
            evaluator=self._rooms.evaluator,
            catalog=self._rooms.catalog,
            fetching=self._rooms.fetching,
            transforms=self._rooms.transforms,
            spokes=self._rooms.spokes,
        )
        group.create_task(self._serve_hub(client, self._hub_side), name=f"{self.cluster.name}: hub")

    async def _serve_hub(self, client: ClusterClient, hub_side: HubSide) -> None:
        with self._hub_client.connected(client, hub_side.backlog):
            await hub_side.run()

    async def _probe(self, client: ClusterClient, informers: Informers | None = None) -> None:
        """Ask the API server every few seconds whether it is there, and whether it still has our own kinds."""
        is_back = False  # and was not asked yet for where its storage stands
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            if informers is not None:
                _refuse_gone(informers, client.name)
            try:
                is_back = await self._probe_once(client) or is_back
                now_at = await self._stands_at(client) if is_back else None
                is_back = False
            except Throttled:
                continue  # it is busy, and there
            except FleetError as exc:
                await self._record(Health(reachable=False, reason=str(exc), checked_at=datetime.now(UTC)))
                continue
            if now_at is not None and informers is not None and 0 < now_at < informers.stand_at:
                raise StorageRestored(
                    f"cluster {client.name}: its storage was restored to an earlier state (resource version "
                    f"{now_at}, after {informers.stand_at}); all of it is looked at anew"
                )

    async def _stands_at(self, client: ClusterClient) -> int:
        """The resource version that the cluster's storage is at."""
        resource = GRAPHS if Role.SPOKE in self.cluster.roles else TRANSFORMS
        return version_number((await client.list_page(resource, limit=1)).resource_version)

    async def _probe_once(self, client: ClusterClient) -> bool:
        """Ask the API server; gives whether it is there again."""
        version = await client.version()
        was_away = self.health is not None and not self.health.reachable
        await self._record(Health(reachable=True, version=version, checked_at=datetime.now(UTC)))
        if was_away and self._spoke is not None:
            self._spoke.hurry()
        return was_away

    async def _record(self, health: Health) -> None:
        """Remember a look at the cluster; SQL being away must not end the engagement over it."""
        before, self.health = self.health, health
        reachable.labels(self.cluster.name).set(health.reachable)
        try:
            changed = await self._rooms.clusters.record_health(self.cluster.name, health)
            if changed and (before is None or before.reachable != health.reachable):
                log.info(
                    "cluster health", cluster=self.cluster.name, reachable=health.reachable, why=health.reason
                )
                await self._rooms.audit.record(
                    Fact(
                        tag=Tag.CLUSTER_HEALTH_CHANGED,
                        cause=Cause(reason="reachable" if health.reachable else "unreachable"),
                        cluster=self.cluster.name,
                        error=health.reason,
                        detail={"version": health.version},
                    )
                )
        except FleetError as exc:
            log.warning("cluster health is not recorded", cluster=self.cluster.name, error=str(exc))


def _refuse_gone(informers: Informers, cluster: ClusterName) -> None:
    for resource in (GRAPHS, TRANSFORMS):
        informer = informers.get(resource)
        if informer is not None and isinstance(informer.broken, NotFound):
            raise OwnKindGone(f"cluster {cluster}: the CRD of {resource} is gone, and is made anew")
